package job

import (
	"bytes"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	yaml "go.yaml.in/yaml/v4"
)

func compiled(t *testing.T) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("job.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("job.json")
	if err != nil {
		t.Fatal(err)
	}
	return s, doc.(map[string]any)
}

// TestSchemaAgreesWithParse feeds jobs to both: they must say the same.
func TestSchemaAgreesWithParse(t *testing.T) {
	schema, _ := compiled(t)
	texts := []string{
		minimal, full, with("data2: 1\n"), without("path"), without("kind"), without("output"), "{}",
		with("name: a/b\n"), with("name: ''\n"), with("name: 7\n"), with("name: " + strings.Repeat("a", 65) + "\n"),
		with("run: {epochs: 1}\n"), with("run: {epochs: 0}\n"), with("run: {epochs: 1000000}\n"), with("run: {epochs: 1000001}\n"),
		with("run: {epochs: '4'}\n"), with("run: {epochs: 4.5}\n"), with("run: {workers: 4097}\n"), with("run: {ranges: 65537}\n"),
		with("run: {batch: 1048577}\n"), with("run: {staleness: -1}\n"), with("run: {replicas: 2}\n"), with("run: {replicas: 0}\n"),
		with("run: {consistency: ssp, staleness: 1}\n"), with("run: {consistency: spp}\n"), with("run: {consistency: bsp}\n"), with("run: {stop: 1}\n"), with("run: {tolerance: 1}\n"), with("run: {seed: 0}\n"), with("run: {seed: -1}\n"),
		with("optimizer: {rate: 0}\n"), with("optimizer: {rate: 0.1}\n"), with("optimizer: {kind: adam}\n"), with("optimizer: {kind: lbfgs}\n"), with("optimizer: []\n"),
		strings.Replace(minimal, "logistic", "softmax", 1), strings.Replace(minimal, "logistic", "linear", 1),
		strings.Replace(minimal, "  train", "  holdout: 0.5\n  train", 1), strings.Replace(minimal, "  train", "  holdout: 1\n  train", 1),
		strings.Replace(minimal, "  train", "  holdout: 0\n  train", 1),
		strings.Replace(minimal, "  train", "  holdout: 0.5\n  test: {path: b}\n  train", 1),
		strings.Replace(minimal, "  train", "  test: {path: b}\n  train", 1), strings.Replace(minimal, "  train", "  test: {}\n  train", 1),
		columns, documents, trained,
	}
	for _, run := range runValues {
		texts = append(texts, "data: {train: {path: a}, test: {path: b}}\nmodel: {kind: linear}\noutput: o\n"+run+"\n")
	}
	for _, data := range dataValues {
		texts = append(texts, "data: {train: {path: a.csv}, "+data+"}\nmodel: {kind: linear}\noutput: o\n")
	}
	for _, text := range texts {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		_, parse := Parse("j.yaml", []byte(text), nil)
		if valid := schema.Validate(value); (valid == nil) != (parse == nil) {
			t.Errorf("schema says %v, Parse says %v, of\n%s", valid, parse, text)
		}
	}
}

// runValues are keys of optimizer and run that the schema and Parse must agree on.
var runValues = []string{
	"run: {checkpoint: off}", "run: {checkpoint: on}", "run: {checkpoint: 3}", "run: {checkpoint: {}}", "run: {checkpoint: {every: off}}", "run: {checkpoint: {every: 1h30m}}",
	"run: {checkpoint: {every: 1.5h}}", "run: {checkpoint: {every: 30}}", "run: {checkpoint: {every: '30'}}", "run: {checkpoint: {every: s}}", "run: {checkpoint: {every: -3s}}",
	"run: {checkpoint: {keep: 0}}", "run: {checkpoint: {keep: 1001}}", "run: {checkpoint: {keep: 1, to: x}}", "run: {checkpoint: {to: ''}}", "run: {checkpoint: {for: x}}",
	"run: {stop: {}}", "run: {stop: {metric: mae, patience: 1, min_delta: 0.1}}", "run: {stop: {metric: loss}}", "run: {stop: {patience: 0}}", "run: {stop: {min_delta: -1}}", "run: {stop: off}",
	"run: {wire: int8}", "run: {wire: f64}", "run: {consistency: asp}",
	"optimizer: {kind: momentum, momentum: 0.99, nesterov: true}", "optimizer: {kind: momentum, momentum: 1}", "optimizer: {kind: momentum, nesterov: 1}",
	"optimizer: {kind: adam, beta1: 0, beta2: 0.5, epsilon: 1}", "optimizer: {kind: adam, beta1: 1}", "optimizer: {kind: adam, beta2: -0.1}", "optimizer: {kind: adam, epsilon: 0}",
	"optimizer: {kind: ftrl, beta: 2}", "optimizer: {kind: ftrl, beta: 0}",
}

// dataValues are keys of data that the schema and Parse must agree on.
var dataValues = []string{
	"cache: off", "cache: on", "cache: 1", "quality: {max_bad_rows: 1}", "quality: {max_bad_rows: -1}", "quality: []",
	"hash: {bits: 1}", "hash: {}", "hash: {bits: 29}", "hash: 3",
	"text: {}", "text: {ngrams: [1, 2]}", "text: {ngrams: [1]}", "text: {ngrams: [1, 9]}", "text: {ngrams: []}", "text: {ngrams: [1, a]}", "text: {ngrams: 1}",
	"text: {normalize: true}", "text: {normalize: 1}", "text: {min_df: -1}", "text: {max_df: 0}", "text: {stop: french}", "text: {field: ''}", "text: {max_terms: 1.5}",
	"label: {column: a}", "label: {}", "label: {column: a, above: 0}", "label: {column: a, above: x}",
	"label: {column: a, map: {b: 1}}", "label: {column: a, map: {b: x}}", "label: {column: a, map: [1]}",
	"weight: {column: a}", "weight: a", "weight: {}", "weight: {column: 3}", "scale: 0",
	"features: []", "features: [{}]", "features: {}", "features: [a]", "features: [{numeric: a}]", "features: [{numeric: ''}]", "features: [{numeric: a, category: b}]",
	"features: [{numeric: a, transform: [log]}]", "features: [{numeric: a, transform: log}]", "features: [{numeric: a, transform: [exp]}]", "features: [{numeric: a, bins: 1}]",
	"features: [{numeric: a, missing: zero}]", "features: [{category: a, min_count: 2}]", "features: [{category: a, min_count: 0}]",
	"features: [{time: a, parts: [hour]}]", "features: [{time: a, parts: []}]", "features: [{time: a, parts: [second]}]",
	"features: [{cross: [a, b]}]", "features: [{cross: [a]}]", "features: [{cross: [a, '']}]", "features: [{cross: [a, 3]}]", "features: [{ignore: a}, {name: b}]",
	"quality: {min_rows: 1}", "quality: {max_missing: {a: 1}}", "quality: {max_missing: {a: 1.5}}", "quality: {max_missing: {a: [1]}}", "quality: {max_missing: 0.5}",
	"quality: {range: {a: [0, 1]}}", "quality: {range: {a: [0]}}", "quality: {range: {a: 1}}", "quality: {range: {a: [0, b]}}",
	"quality: {labels: [0, 1.5]}", "quality: {labels: [a]}", "quality: {labels: 1}", "quality: {unique: a}", "quality: {unique: [a]}",
	"test: {path: b, columns: [a]}", "test: {path: b, columns: ['']}", "test: {path: b, columns: a}", "test: {path: b, format: xml}",
}

// leaves returns the path of every key of a schema that is no mapping.
func leaves(path string, schema map[string]any) map[string]map[string]any {
	found := map[string]map[string]any{}
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		found[path] = schema
	}
	if items, ok := schema["items"].(map[string]any); ok && items["properties"] != nil {
		maps.Copy(found, leaves(path+"[]", items))
	}
	for key, inner := range properties {
		maps.Copy(found, leaves(join(path, key), inner.(map[string]any)))
	}
	return found
}

func TestSchemaHasTheKeysOfTheDecoder(t *testing.T) {
	_, doc := compiled(t)
	inSchema := leaves("", doc)
	var inDecoder []string
	for _, path := range keyPaths("", reflect.TypeFor[Job]()) {
		if _, nested := isMapping(typeAt(path)); !nested {
			inDecoder = append(inDecoder, path)
		}
	}
	slices.Sort(inDecoder)
	if diff := cmp.Diff(inDecoder, slices.Sorted(maps.Keys(inSchema))); diff != "" {
		t.Errorf("-decoder +schema\n%s", diff)
	}
	for path, s := range inSchema {
		if s["description"] == nil || s["type"] == nil {
			t.Errorf("%s has no description or no type", path)
		}
	}
}

// TestEveryKeyIsDocumented wants a row "| `key` | ..." with the default.
func TestEveryKeyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/job.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range keyPaths("", reflect.TypeFor[Job]()) {
		kind := typeAt(path)
		if _, nested := isMapping(kind); nested {
			continue
		}
		_, row, ok := strings.Cut(string(text), "\n| `"+path+"` |")
		if !ok {
			t.Errorf("docs/job.md has no row for %s", path)
			continue
		}
		row, _, _ = strings.Cut(row, "\n")
		d := ruleAt(path).fallback
		if kind.Kind() == reflect.Slice && d != "" {
			d = "[" + strings.ReplaceAll(d, " ", ", ") + "]"
		}
		if d != "" && !strings.HasPrefix(row, " "+d+" |") {
			t.Errorf("docs/job.md: the row of %s does not give its default %s", path, d)
		}
	}
	for _, key := range plannedKeys {
		if !strings.Contains(string(text), "`"+key+"`") {
			t.Errorf("docs/job.md does not say that %s is not yet supported", key)
		}
	}
}

func ruleAt(path string) rule {
	t := reflect.TypeFor[Job]()
	if parent := parentOf(path); parent != "" {
		t, _ = isMapping(typeAt(parent))
	}
	f, _ := pick(fieldsOf(t), lastOf(path))
	return f.rule
}

// TestDocumentedJobsParse parses the YAML of docs/job.md.
func TestDocumentedJobsParse(t *testing.T) {
	text, err := os.ReadFile("../../docs/job.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) == 0 {
		t.Error("docs/job.md has no example")
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if _, err := Parse("docs/job.md", []byte(block), nil); err != nil {
			t.Error(err)
		}
	}
}
