package source

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/internal/param"
)

// account is who asks S3, and where.
type account struct {
	key, secret, token string // all empty: nobody
	source             string // of the credentials, as a user may be told
	region             string // empty if not given
	endpoint           string // empty for Amazon
}

// readAccount reads the environment and the files that the tools of Amazon use. The
// environment wins.
func readAccount(getenv func(string) string) (account, error) {
	p, err := readProfile(getenv)
	if err != nil {
		return account{}, err
	}
	a := account{
		region:   first(getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), p.config["region"]),
		endpoint: first(getenv("AWS_ENDPOINT_URL_S3"), getenv("AWS_ENDPOINT_URL"), p.services["s3.endpoint_url"], p.config["endpoint_url"]),
	}
	key, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case key != "" && secret != "":
		a.key, a.secret, a.token = key, secret, getenv("AWS_SESSION_TOKEN")
		a.source = "the credentials in AWS_ACCESS_KEY_ID"
	case key != "" || secret != "":
		return a, param.Errorf(param.Invalid, "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set: set both, or neither")
	default:
		return a, a.use(p)
	}
	return a, nil
}

// use takes the credentials of a profile.
func (a *account) use(p *profile) error {
	for _, from := range []keys{p.credentials, p.config} {
		if key, secret := from["aws_access_key_id"], from["aws_secret_access_key"]; key != "" && secret != "" {
			a.key, a.secret, a.token = key, secret, from["aws_session_token"]
			a.source = "the credentials of the profile " + p.name
			return nil
		}
	}
	a.source = "a request without credentials (there are none in AWS_ACCESS_KEY_ID or the profile " + p.name + ")"
	switch {
	case !p.named:
		return nil
	case p.credentials == nil && p.config == nil:
		return param.Errorf(param.Invalid, "AWS_PROFILE names the profile %q, which is in neither ~/.aws/credentials nor ~/.aws/config: correct it", p.name)
	}
	return param.Errorf(param.Invalid, "the profile %q of AWS_PROFILE has no aws_access_key_id and aws_secret_access_key, and other ways to log in are not supported: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN", p.name)
}

// profile is what the files have under a name.
type profile struct {
	name                          string
	named                         bool // by the user
	credentials, config, services keys
}

func readProfile(getenv func(string) string) (*profile, error) {
	p := &profile{name: first(getenv("AWS_PROFILE"), getenv("AWS_DEFAULT_PROFILE"))}
	if p.named = p.name != ""; !p.named {
		p.name = "default"
	}
	home := first(getenv("HOME"), getenv("USERPROFILE"))
	credentials, err := readSections(first(getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")))
	if err != nil {
		return nil, err
	}
	config, err := readSections(first(getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config")))
	if err != nil {
		return nil, err
	}
	p.credentials = credentials[p.name]
	if p.config = config["profile "+p.name]; p.config == nil && p.name == "default" {
		p.config = config[p.name]
	}
	p.services = config["services "+p.config["services"]]
	return p, nil
}

// keys are those of a section. A key below another is written with a dot.
type keys map[string]string

// maxConfig bounds the files of profiles.
const maxConfig = 1 << 20

// readSections reads a file of profiles; one that does not exist has none.
func readSections(name string) (map[string]keys, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, param.Errorf(param.Invalid, "credentials for S3: %w", err)
	}
	defer f.Close()
	sections, err := parseSections(io.LimitReader(f, maxConfig))
	if err != nil {
		return nil, param.Errorf(param.Invalid, "credentials for S3: read %s: %w", name, err)
	}
	return sections, nil
}

// parseSections parses what the tools of Amazon write: "[section]" and "key =
// value", lines that are indented below a key, and comments. Other lines are
// ignored, as those tools do.
func parseSections(r io.Reader) (map[string]keys, error) {
	sections := map[string]keys{}
	var section keys
	var above string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), " \t\r")
		text := strings.TrimLeft(line, " \t")
		if text == "" || text[0] == '#' || text[0] == ';' {
			continue
		}
		if name, ok := heading(text); ok {
			if section = sections[name]; section == nil {
				section = keys{}
				sections[name] = section
			}
			continue
		}
		key, value, found := strings.Cut(text, "=")
		if key = strings.ToLower(strings.TrimSpace(key)); !found || section == nil {
			continue
		}
		if len(text) < len(line) {
			key = above + "." + key
		} else {
			above = key
		}
		section[key] = strings.TrimSpace(value)
	}
	return sections, lines.Err()
}

// heading returns the name in "[name]", its words apart by one space.
func heading(text string) (string, bool) {
	text, opened := strings.CutPrefix(text, "[")
	text, _, closed := strings.Cut(text, "]")
	return strings.Join(strings.Fields(text), " "), opened && closed
}

// first returns the first that is not empty.
func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
