package s3test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
	"parley/internal/source"
)

// noise returns bytes that do not repeat.
func noise(n int) []byte {
	var seed [32]byte
	data := make([]byte, n)
	rand.NewChaCha8(seed).Read(data)
	return data
}

func put(t *testing.T, r *source.Remote, url string, data []byte) {
	t.Helper()
	if err := r.Put(context.Background(), url, bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, r *source.Remote, url string) *source.File {
	t.Helper()
	objects, err := r.List(context.Background(), url)
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	f, err := r.Open(context.Background(), objects[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func read(f *source.File) ([]byte, error) {
	stream := f.Stream(context.Background())
	defer stream.Close()
	return io.ReadAll(stream)
}

func TestList(t *testing.T) {
	r, b := remote(t, gateway), bucket(t)
	for _, key := range []string{"a.csv", "b c+d%20é.csv", "[x].csv", "d/1.csv", "d/2.csv.gz", "d/_SUCCESS", "d/.crc", "d/e/3.csv", "d2/4.csv", "d/_temporary/5.csv"} {
		put(t, r, b+"/"+key, []byte(key))
	}
	for pattern, want := range map[string][]string{
		"":           {"[x].csv", "a.csv", "b c+d%20é.csv", "d/1.csv", "d/2.csv.gz", "d/e/3.csv", "d2/4.csv"},
		"d/":         {"d/1.csv", "d/2.csv.gz", "d/e/3.csv"},
		"a.csv":      {"a.csv"},
		"[x].csv":    {"[x].csv"},
		"[a-c]*.csv": {"a.csv", "b c+d%20é.csv"},
		"d*/*.csv":   {"d/1.csv", "d2/4.csv"},
		"d/*":        {"d/1.csv", "d/2.csv.gz"},
		"d/_*":       {"d/_SUCCESS"},
	} {
		objects, err := r.List(context.Background(), b+"/"+pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
		var got []string
		for _, o := range objects {
			key := strings.TrimPrefix(o.Name, b+"/")
			got = append(got, key)
			if o.Size != int64(len(key)) || !strings.HasPrefix(o.Tag, `"`) {
				t.Errorf("%+v has size %d, tag %s", o, o.Size, o.Tag)
			}
			f, err := r.Open(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if data, err := read(f); string(data) != key || err != nil { // its tag is that of the listing
				t.Errorf("%s holds %q, %v", key, data, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", pattern, diff)
		}
	}
}

func TestListOfManyPages(t *testing.T) {
	r, b := remote(t, gateway), bucket(t)
	var want []string
	for i := range 1005 {
		want = append(want, fmt.Sprintf("%s/part-%05d", b, i))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := i; j < len(want); j += 8 {
				if err := r.Put(context.Background(), want[j], strings.NewReader("x"), 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	objects, err := remote(t, newProxy(t, 4).URL).List(context.Background(), b)
	var got []string
	for _, o := range objects {
		got = append(got, o.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// TestReads compares ranges and streams to what was written, directly and through
// a proxy that lets one of three requests be.
func TestReads(t *testing.T) {
	data := noise(300_000)
	straight, b := remote(t, gateway), bucket(t)
	put(t, straight, b+"/data", data)
	p := newProxy(t, 3)
	for name, r := range map[string]*source.Remote{"straight": straight, "proxy": remote(t, p.URL)} {
		f := open(t, r, b+"/data")
		if got, err := read(f); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: stream of %d bytes, %v", name, len(got), err)
		}
		for i := range 50 {
			off := i * 5993
			got := make([]byte, 1+i*97)
			if n, err := f.ReadAt(got, int64(off)); n != len(got) || err != nil || !bytes.Equal(got, data[off:][:n]) {
				t.Errorf("%s: %d bytes at %d: %d, %v", name, len(got), off, n, err)
			}
		}
		if n, err := f.ReadAt(make([]byte, 10), int64(len(data))-4); n != 4 || err != io.EOF {
			t.Errorf("%s: at the end: %d, %v", name, n, err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range []string{"none", "503", "cut", "drop", "delay", "lost"} {
		if p.faults[fault] < 5 {
			t.Errorf("the proxy made %v", p.faults)
			break
		}
	}
}

// TestWrites writes objects of no, one and several parts and reads them back.
func TestWrites(t *testing.T) {
	b := bucket(t)
	for name, endpoint := range map[string]string{"straight": gateway, "proxy": newProxy(t, 3).URL} {
		r := remote(t, endpoint)
		for _, size := range []int{0, 1, 100_000, 16 << 20, 33 << 20} {
			data, url := noise(size), fmt.Sprintf("%s/%s-%d", b, name, size)
			put(t, r, url, data)
			f := open(t, remote(t, gateway), url)
			if got, err := read(f); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: read %d bytes, %v", url, len(got), err)
			}
			if size == 0 {
				if _, err := f.ReadAt(make([]byte, 1), 0); err != io.EOF {
					t.Error(err)
				}
			}
		}
	}
	if left := unfinished(t, b); len(left) > 1 { // one whose id was lost with the answer
		t.Errorf("uploads left behind: %v", left)
	}
}

// unfinished returns the uploads that were begun and not ended.
func unfinished(t *testing.T, url string) []string {
	var keys []string
	for u := range admin(t).ListIncompleteUploads(context.Background(), strings.TrimPrefix(url, "s3://"), "", true) {
		if u.Err != nil {
			t.Fatal(u.Err)
		}
		keys = append(keys, u.Key)
	}
	return keys
}

func TestUploadIsAllOrNothing(t *testing.T) {
	r, b := remote(t, gateway), bucket(t)
	url := b + "/dir/result"
	put(t, r, url, []byte("before"))
	holds := func(want string) {
		t.Helper()
		if got, err := read(open(t, r, url)); string(got) != want || err != nil {
			t.Errorf("the object holds %.20q, %v", got, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, size := range []int{10, 40 << 20} {
		u, err := r.Create(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(noise(size)); err != nil {
			t.Fatal(err)
		}
		holds("before")
		if size > 10 {
			if left := unfinished(t, b); len(left) != 1 {
				t.Errorf("uploads under way: %v", left)
			}
			cancel() // an upload is given up nevertheless
		}
		if err := u.Abort(); err != nil {
			t.Error(err)
		}
		if err := u.Commit(); err == nil {
			t.Error("committed what was given up")
		}
		holds("before")
	}
	u, err := r.Create(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(u, "aft")
	io.WriteString(u, "er")
	if err := u.Commit(); err != nil {
		t.Error(err)
	}
	if err := u.Abort(); err != nil {
		t.Error(err)
	}
	holds("after")
	if left := unfinished(t, b); len(left) > 0 {
		t.Errorf("uploads left behind: %v", left)
	}
}

func TestExistsAndDelete(t *testing.T) {
	r, b := remote(t, gateway), bucket(t)
	url := b + "/checkpoint/7"
	for _, want := range []bool{false, true} {
		if got, err := r.Exists(context.Background(), url); got != want || err != nil {
			t.Errorf("exists: %v, %v", got, err)
		}
		put(t, r, url, nil)
	}
	for range 2 {
		if err := r.Delete(context.Background(), url); err != nil {
			t.Error(err)
		}
		if got, err := r.Exists(context.Background(), url); got || err != nil {
			t.Errorf("exists after delete: %v, %v", got, err)
		}
	}
}

func TestChangedObject(t *testing.T) {
	r, b := remote(t, gateway), bucket(t)
	put(t, r, b+"/data", noise(1000))
	f := open(t, r, b+"/data")
	put(t, r, b+"/data", noise(1001)[1:])
	_, err := f.ReadAt(make([]byte, 10), 0)
	_, streaming := read(f)
	for _, err := range []error{err, streaming} {
		if param.KindOf(err) != param.Corrupt || !strings.Contains(err.Error(), b+"/data: the object changed since it was listed") {
			t.Error(err)
		}
	}
}

func TestErrors(t *testing.T) {
	b := bucket(t)
	client := func(endpoint, key, secret string) *source.Remote {
		r := source.New(source.Options{Backoff: 1, Getenv: environment(endpoint, key, secret)})
		t.Cleanup(r.Close)
		return r
	}
	good := client(gateway, key, secret)
	put(t, good, b+"/data", []byte("x"))
	for _, c := range []struct {
		r         *source.Remote
		url, says string
	}{
		{good, "s3://not-there/x", `s3://not-there/x: there is no bucket "not-there"`},
		{good, "s3://not-there/", `s3://not-there/: there is no bucket "not-there"`},
		{good, b + "/x", "there is no such key"},
		{good, b + "/x/", "there are no objects below it"},
		{good, b + "/x*", "no object matches"},
		{client(gateway, key, "wrong-secret"), b + "/data", "denies access (403 SignatureDoesNotMatch) to the credentials in AWS_ACCESS_KEY_ID"},
		{client(gateway, key, "wrong-secret"), b + "/", "denies access (403 SignatureDoesNotMatch)"},
		{client(gateway, "nobody", "wrong-secret"), b + "/data", "refuses the request (404 XAdminUserNotFound)"},
		{client(gateway, "", ""), b + "/data", "denies access (403 AccessDenied) to a request without credentials"},
	} {
		_, err := c.r.List(context.Background(), c.url)
		if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "wrong-secret") {
			t.Errorf("%s: %v error %v", c.url, param.KindOf(err), err)
		}
	}
}

// TestPublicBucket reads without credentials what everybody may.
func TestPublicBucket(t *testing.T) {
	b := bucket(t)
	name := strings.TrimPrefix(b, "s3://")
	put(t, remote(t, gateway), b+"/data.csv", []byte("public"))
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::%s", "arn:aws:s3:::%s/*"]}]}`, name, name)
	if err := admin(t).SetBucketPolicy(context.Background(), name, policy); err != nil {
		t.Fatal(err)
	}
	r := source.New(source.Options{Getenv: environment(gateway, "", "")})
	defer r.Close()
	objects, err := r.List(context.Background(), b+"/*.csv")
	if err != nil || len(objects) != 1 {
		t.Fatal(objects, err)
	}
	f, err := r.Open(context.Background(), objects[0])
	if err != nil {
		t.Fatal(err)
	}
	if data, err := read(f); string(data) != "public" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := r.Put(context.Background(), b+"/x", strings.NewReader("x"), 1); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}
