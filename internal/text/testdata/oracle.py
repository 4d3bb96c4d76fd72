"""Writes oracle.json, unicode.json and bag.json from scikit-learn 1.2 and gensim 4.2,
and 20news.json from the 20 newsgroups if PARLEY_DATA is set (figures and a few rows, no text).

Run: PARLEY_DATA=... /usr/bin/python3 oracle.py
"""
import gzip
import hashlib
import json
import os
import re

import numpy as np
from gensim.models import TfidfModel
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

BASE = dict(Lowercase=True, Stop="none", NGramMin=1, NGramMax=1, MinDF=1, MaxDF=1, MaxTerms=0, Weight="tfidf",
            IDF="smooth", Sublinear=False, Normalize=True, HashBits=0)


def bound(x, fraction):
    return float(x) if fraction else int(x)


def encode(docs, **changed):
    """Returns options, vocabulary (None when hashed) and matrix."""
    o = {**BASE, **changed}
    stop = None if o["Stop"] == "none" else o["Stop"]
    words = dict(lowercase=o["Lowercase"], stop_words=stop, ngram_range=(o["NGramMin"], o["NGramMax"]))
    vocabulary = None
    if o["HashBits"]:
        m = HashingVectorizer(n_features=2 ** o["HashBits"], norm=None, binary=o["Weight"] == "binary", **words).transform(docs)
    else:
        v = CountVectorizer(min_df=bound(o["MinDF"], o["MinDF"] < 1), max_df=bound(o["MaxDF"], o["MaxDF"] <= 1), **words)
        m = v.fit_transform(docs)
        vocabulary = v.get_feature_names_out()
        if o["MaxTerms"]:  # CountVectorizer leaves open which of equally frequent terms it takes
            total = np.asarray(m.sum(axis=0)).ravel()
            best = sorted(np.lexsort((np.arange(len(total)), -total))[: o["MaxTerms"]])
            m, vocabulary = m[:, best], vocabulary[best]
        if o["Weight"] == "binary":
            m.data.fill(1)
    m = csr_matrix(m, dtype=np.float64)
    if o["Weight"] == "tfidf":
        m = TfidfTransformer(norm="l2" if o["Normalize"] else None, sublinear_tf=o["Sublinear"]).fit_transform(m)
    else:
        if o["Sublinear"]:
            m.data = 1 + np.log(m.data)
        if o["Normalize"]:
            m = normalize(m)
    m.eliminate_zeros()  # hashed terms that cancel out; TfidfTransformer drops them by itself
    m.sort_indices()
    return o, vocabulary, m


def row(m, i):
    a, b = m.indptr[i], m.indptr[i + 1]
    return dict(Columns=m.indices[a:b].tolist() or None, Values=m.data[a:b].tolist() or None)


SETTINGS = [
    {}, dict(Lowercase=False), dict(Stop="english"), dict(NGramMax=2), dict(NGramMin=2, NGramMax=3, Stop="english"),
    dict(NGramMax=8, MinDF=2), dict(MinDF=2), dict(MinDF=0.05), dict(MaxDF=0.05), dict(MaxDF=3), dict(MinDF=2, MaxDF=0.1), dict(MinDF=0),
    dict(MaxTerms=20), dict(MaxTerms=30, MinDF=2, Weight="count", Normalize=False), dict(Weight="count", Normalize=False),
    dict(Weight="count"), dict(Weight="binary", Normalize=False), dict(Weight="binary"), dict(Sublinear=True),
    dict(Sublinear=True, Normalize=False), dict(Weight="count", Sublinear=True), dict(Normalize=False),
    dict(HashBits=18, Weight="count", Normalize=False), dict(HashBits=18, Weight="count"), dict(HashBits=4, Weight="count"),
    dict(HashBits=4, Weight="binary", Normalize=False), dict(HashBits=10, NGramMax=3, Weight="count", Normalize=False),
    dict(HashBits=10), dict(HashBits=5, NGramMax=2, Stop="english"), dict(HashBits=10, Lowercase=False, Normalize=False),
]


def small():
    docs = [json.loads(line) for line in open("documents.jsonl", encoding="utf-8")]
    out = []
    for s in SETTINGS:
        o, vocabulary, m = encode(docs, **s)
        terms = None if vocabulary is None else vocabulary.tolist()
        out.append(dict(Options=o, Terms=terms, Rows=[row(m, i) for i in range(m.shape[0])]))
    dump("oracle.json", out)


def unicode():
    """Hashes of what Python says of every code point: word or not, and its lower case."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    word = re.compile(r"\w")
    flags = "".join("1" if word.match(c) else "0" for c in points)
    lower = "".join(points[i].lower() + " " for i in range(len(points)))
    sigma = "".join(("A" + c + "Σ").lower()[-1] + (c + "Σ").lower()[-1] + ("AΣ" + c).lower()[1] + ("AΣ" + c + "A").lower()[1] for c in points)
    dump("unicode.json", {k: hashlib.sha256(v.encode()).hexdigest() for k, v in dict(Word=flags, Lower=lower, Sigma=sigma).items()})


def gensim(bags):
    model = TfidfModel(bags, dictionary=None)
    return [model[bag] for bag in bags]


def bag():
    rng = np.random.default_rng(5)
    bags = [sorted({int(c): int(rng.integers(1, 6)) for c in rng.integers(0, 40, rng.integers(0, 15))}.items()) for _ in range(30)]
    bags = [b + [(45, 2)] if b else [(45, 2)] for b in bags]  # a term of all documents
    rows = [dict(Columns=[c for c, _ in r], Values=[float(v) for _, v in r]) for r in gensim(bags)]
    counts = [dict(Columns=[c for c, _ in b], Values=[v for _, v in b]) for b in bags]
    dump("bag.json", dict(Counts=counts, Rows=rows))


def summary(m, o, vocabulary=None):
    s = dict(Options=o, Rows=m.shape[0], Nonzeros=int(m.nnz), Norm=float(np.sqrt((m.data**2).sum())), Sum=float(m.data.sum()),
             Some=[dict(Row=i, **row(m, i)) for i in (0, 1234, 5678, 9999, m.shape[0] - 1)])
    if vocabulary is not None:
        s.update(Terms=len(vocabulary), Vocabulary=hashlib.sha256("\n".join(vocabulary).encode()).hexdigest())
    return s


def news(folder):
    with gzip.open(folder + "/20news/20news-bydate-train.jsonl.gz", "rt", encoding="utf-8") as f:
        docs = [json.loads(line)["text"] for line in f]
    out = []
    for s in ({}, dict(MinDF=2), dict(Stop="english", MaxDF=0.5, MinDF=5), dict(NGramMax=2, MinDF=2), dict(Sublinear=True, Lowercase=False),
              dict(MaxTerms=10000), dict(Weight="count", Normalize=False), dict(HashBits=18, Weight="count"), dict(HashBits=18)):
        o, vocabulary, m = encode(docs, **s)
        out.append(summary(m, o, vocabulary))
    dump("20news.json", out)


def docword(folder):
    with gzip.open(folder + "/20news/docword.20news-train.txt.gz", "rt") as f:
        n, columns, _ = (int(next(f)) for _ in range(3))
        bags = [[] for _ in range(n)]
        for line in f:
            doc, column, count = map(int, line.split())
            bags[doc - 1].append((column - 1, count))
    rows = gensim([sorted(b) for b in bags])
    m = csr_matrix(([v for r in rows for _, v in r], [c for r in rows for c, _ in r], np.cumsum([0] + [len(r) for r in rows])), shape=(n, columns))
    dump("docword.json", summary(m, {**BASE, "IDF": "plain"}))


def dump(name, value):
    with open(name, "w", encoding="utf-8") as f:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        text = re.sub(r"-?\d+\.\d{10,}(e-?\d+)?", lambda m: f"{float(m[0]):.9g}", text)
        f.write(text.replace('{"Options"', '\n{"Options"') + "\n")


small()
unicode()
bag()
if "PARLEY_DATA" in os.environ:
    news(os.environ["PARLEY_DATA"])
    docword(os.environ["PARLEY_DATA"])
