package job

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema (2020-12, indented) of the job file, for
// editors and other tools. It holds the supported keys and values alone. What
// it cannot say, such as which keys go together, Validate says.
func Schema() []byte {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
	}
	s := r.Reflect(&Job{})
	s.Title = "Parley job"
	refine(s, reflect.TypeFor[Job]())
	data := property(s, "data")
	data.Not = &jsonschema.Schema{Required: []string{"test", "holdout"}}
	feature := property(data, "features").Items
	for _, kind := range featureKinds {
		feature.OneOf = append(feature.OneOf, &jsonschema.Schema{Required: []string{kind}})
	}
	checkpoint := property(property(s, "run"), "checkpoint")
	checkpoint.AnyOf = []*jsonschema.Schema{{Type: checkpoint.Type}, {Const: off}}
	checkpoint.Type = ""
	property(checkpoint, "every").Pattern = everyPattern
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // it is made of strings and numbers
		panic("job: schema: " + err.Error())
	}
	return append(text, '\n')
}

// everyPattern is what time.ParseDuration reads, and off.
const everyPattern = `^(off|[+]?(([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$`

func property(s *jsonschema.Schema, key string) *jsonschema.Schema {
	p, ok := s.Properties.Get(key)
	if !ok {
		panic("job: schema without " + key)
	}
	return p
}

// refine adds to the schema of the struct t what the library does not read from
// tags: defaults of lists, and bounds of what is in a mapping of names.
func refine(s *jsonschema.Schema, t reflect.Type) {
	for _, f := range fieldsOf(t) {
		p, kind := property(s, f.key), direct(f.kind)
		switch kind.Kind() {
		case reflect.Struct:
			refine(p, kind)
		case reflect.Map:
			in := p.AdditionalProperties
			in.Minimum, in.Maximum = json.Number(f.rule.min), json.Number(f.rule.max)
			in.MinItems, in.MaxItems = length(f.rule.minItems), length(f.rule.maxItems)
		case reflect.Slice:
			if f.rule.fallback != "" {
				list := reflect.New(kind).Elem()
				setText(list, f.rule.fallback)
				p.Default = list.Interface()
			}
			if kind.Elem().Kind() == reflect.Struct {
				refine(p.Items, kind.Elem())
			}
		}
	}
}

// length returns a bound as the library keeps it, nil for none.
func length(bound string) *uint64 {
	if bound == "" {
		return nil
	}
	n := uint64(parseNumber(bound))
	return &n
}
