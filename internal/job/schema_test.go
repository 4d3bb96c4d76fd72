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
	for _, text := range []string{
		minimal, full, with("data2: 1\n"), without("path"), without("kind"), without("output"), "{}",
		with("name: a/b\n"), with("name: ''\n"), with("name: 7\n"), with("name: " + strings.Repeat("a", 65) + "\n"),
		with("run: {epochs: 1}\n"), with("run: {epochs: 0}\n"), with("run: {epochs: 1000000}\n"), with("run: {epochs: 1000001}\n"),
		with("run: {epochs: '4'}\n"), with("run: {epochs: 4.5}\n"), with("run: {workers: 4097}\n"), with("run: {ranges: 65537}\n"),
		with("run: {batch: 1048577}\n"), with("run: {staleness: 1}\n"), with("run: {replicas: 2}\n"), with("run: {replicas: 0}\n"),
		with("run: {consistency: ssp}\n"), with("run: {consistency: bsp}\n"), with("run: {stop: 1}\n"), with("run: {seed: 0}\n"), with("run: {seed: -1}\n"),
		with("optimizer: {rate: 0}\n"), with("optimizer: {rate: 0.1}\n"), with("optimizer: {kind: adam}\n"), with("optimizer: []\n"),
		strings.Replace(minimal, "logistic", "softmax", 1), strings.Replace(minimal, "logistic", "linear", 1),
		strings.Replace(minimal, "  train", "  holdout: 0.5\n  train", 1), strings.Replace(minimal, "  train", "  holdout: 1\n  train", 1),
		strings.Replace(minimal, "  train", "  holdout: 0\n  train", 1),
		strings.Replace(minimal, "  train", "  holdout: 0.5\n  test: {path: b}\n  train", 1),
		strings.Replace(minimal, "  train", "  test: {path: b}\n  train", 1), strings.Replace(minimal, "  train", "  test: {}\n  train", 1),
		strings.Replace(minimal, "  train", "  cache: off\n  train", 1), strings.Replace(minimal, "  train", "  cache: on\n  train", 1),
		strings.Replace(minimal, "  train", "  quality: {max_bad_rows: 0}\n  train", 1),
		strings.Replace(minimal, "  train", "  quality: {max_bad_rows: 1}\n  train", 1),
	} {
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
