package job

import (
	"encoding/json"
	"reflect"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema (2020-12, indented) of the job file, for
// editors and other tools. It holds the supported keys and values alone. What
// it cannot say, such as that a path may not be a URL yet, Validate says.
func Schema() []byte {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		RequiredFromJSONSchemaTags: true,
		AdditionalFields: func(t reflect.Type) []reflect.StructField {
			extra := extraOf(t)
			if extra == nil {
				return nil
			}
			return reflect.VisibleFields(extra)
		},
	}
	s := r.Reflect(&Job{})
	s.Title = "Parley job"
	data, ok := s.Properties.Get("data")
	if !ok {
		panic("job: schema without data")
	}
	data.Not = &jsonschema.Schema{Required: []string{"test", "holdout"}}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // it is made of strings and numbers
		panic("job: schema: " + err.Error())
	}
	return append(text, '\n')
}
