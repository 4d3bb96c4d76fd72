package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/internal/param"
)

const credentialsFile = `
# comment
[default]
aws_access_key_id = dk
aws_secret_access_key=ds=with=signs

[work]
aws_access_key_id = wk
aws_secret_access_key = ws
aws_session_token = wt
; comment
[half]
aws_access_key_id = hk
`

const configFile = `
[default]
region = eu-west-1
[profile work]
region = eu-central-1
services = local
endpoint_url = http://general:9000
[services local]
s3 =
  endpoint_url = http://s3-only:9000
dynamodb =
  endpoint_url = http://db:9000
[profile   sso]
sso_start_url = https://example.com
[profile plain]
AWS_ACCESS_KEY_ID = pk
aws_secret_access_key = ps
endpoint_url = https://plain:9000/
`

// env returns the environment of a home with these files.
func env(t *testing.T, files map[string]string, pairs ...string) func(string) string {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, ".aws", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]string{"HOME": home}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return values[name] }
}

var bothFiles = map[string]string{"credentials": credentialsFile, "config": configFile}

func TestAccount(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		env   []string
		want  account
	}{
		"nobody": {nil, nil, account{source: "a request without credentials (there are none in AWS_ACCESS_KEY_ID or the profile default)"}},
		"environment": {bothFiles, []string{"AWS_ACCESS_KEY_ID", "k", "AWS_SECRET_ACCESS_KEY", "s", "AWS_SESSION_TOKEN", "t", "AWS_DEFAULT_REGION", "r", "AWS_ENDPOINT_URL", "http://e"},
			account{"k", "s", "t", "the credentials in AWS_ACCESS_KEY_ID", "r", "http://e"}},
		"environment over profile": {bothFiles, []string{"AWS_PROFILE", "work", "AWS_ACCESS_KEY_ID", "k", "AWS_SECRET_ACCESS_KEY", "s", "AWS_REGION", "r", "AWS_DEFAULT_REGION", "d", "AWS_ENDPOINT_URL_S3", "http://s3", "AWS_ENDPOINT_URL", "http://e"},
			account{"k", "s", "", "the credentials in AWS_ACCESS_KEY_ID", "r", "http://s3"}},
		"default profile": {bothFiles, nil, account{"dk", "ds=with=signs", "", "the credentials of the profile default", "eu-west-1", ""}},
		"profile":         {bothFiles, []string{"AWS_PROFILE", "work"}, account{"wk", "ws", "wt", "the credentials of the profile work", "eu-central-1", "http://s3-only:9000"}},
		"profile in config alone": {bothFiles, []string{"AWS_DEFAULT_PROFILE", "plain"},
			account{"pk", "ps", "", "the credentials of the profile plain", "", "https://plain:9000/"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readAccount(env(t, c.files, c.env...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(account{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesOfAccountsMayBeElsewhere(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "keys")
	if err := os.WriteFile(name, []byte("[default]\naws_access_key_id = a\naws_secret_access_key = b\nregion = r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		if a, err := readAccount(env(t, nil, variable, name)); err != nil || a.key != "a" {
			t.Errorf("%s: %+v, %v", variable, a, err)
		}
	}
	if _, err := readAccount(env(t, nil, "AWS_CONFIG_FILE", dir)); param.KindOf(err) != param.Invalid {
		t.Error(err)
	}
}

func TestAccountErrors(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		says string
	}{
		"half":               {[]string{"AWS_ACCESS_KEY_ID", "k"}, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set"},
		"unknown profile":    {[]string{"AWS_PROFILE", "play"}, `the profile "play", which is in neither`},
		"profile of halves":  {[]string{"AWS_PROFILE", "half"}, `the profile "half" of AWS_PROFILE has no aws_access_key_id and`},
		"profile of another": {[]string{"AWS_PROFILE", "sso"}, "other ways to log in are not supported"},
		"endpoint":           {[]string{"AWS_ENDPOINT_URL", "localhost:9000"}, "is not of the form https://host:port"},
		"endpoint with path": {[]string{"AWS_ENDPOINT_URL", "http://localhost:9000/s3"}, "is not of the form"},
		"endpoint with user": {[]string{"AWS_ENDPOINT_URL", "http://u:secret@localhost:9000"}, "is not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(Options{Getenv: env(t, bothFiles, c.env...)})
			defer r.Close()
			_, err := r.Exists(t.Context(), "s3://bucket/key")
			if param.KindOf(err) != param.Invalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "secret@") {
				t.Error(err)
			}
		})
	}
}

func FuzzParseSections(f *testing.F) {
	f.Add(credentialsFile)
	f.Add(configFile)
	f.Add("[a]\n = 1\n[\n]\n[]\nx\n  y = 2")
	f.Fuzz(func(t *testing.T, text string) {
		sections, err := parseSections(strings.NewReader(text))
		if err != nil {
			return
		}
		var b strings.Builder
		n := 0
		for name, section := range sections {
			b.WriteString("[" + name + "]\n")
			for key, value := range section {
				n++
				if !strings.Contains(text, value) || strings.ContainsAny(key+value, "\n") {
					t.Fatalf("%q = %q", key, value)
				}
			}
		}
		if n > strings.Count(text, "=") || len(b.String()) > len(text)+3*len(sections) {
			t.Fatalf("%d keys of %q", n, text)
		}
	})
}
