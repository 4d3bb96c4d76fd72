package job

import (
	"math"
	"testing"
)

func TestFaultsOfValues(t *testing.T) {
	cases := []struct{ override, want string }{
		{`run.epochs="4"`, `must be an integer, not "4"`},
		{"run.epochs=4.7", "must be an integer, not 4.7"},
		{"run.epochs=1e3", "must be an integer, not 1e3"},
		{"run.epochs=true", "must be an integer, not true"},
		{"run.epochs=[1]", "must be an integer, not a list"},
		{"run.epochs={a: 1}", "must be an integer, not a mapping"},
		{"run.epochs=017", "must be an integer in plain decimal digits, not 017"},
		{"run.epochs=0x10", "must be an integer in plain decimal digits, not 0x10"},
		{"run.epochs=1_000", "must be an integer in plain decimal digits, not 1_000"},
		{"run.epochs=0", "must be at least 1, not 0"},
		{"run.epochs=1000001", "must be at most 1000000, not 1000001"},
		{"run.epochs=99999999999999999999", "must be at most 1000000, not 99999999999999999999"},
		{"run.epochs=-99999999999999999999", "must be at least 1, not -99999999999999999999"},
		{"run.epochs=-9223372036854775808", "must be at least 1, not -9223372036854775808"},
		{"run.epochs=9223372036854775808", "must be at most 1000000, not 9223372036854775808"},
		{"run.batch=0", "must be at least 1, not 0"},
		{"run.batch=1048577", "must be at most 1048576, not 1048577"},
		{"run.workers=0", "must be at least 1, not 0"},
		{"run.workers=4097", "must be at most 4096, not 4097"},
		{"run.ranges=0", "must be at least 1, not 0"},
		{"run.ranges=65537", "must be at most 65536, not 65537"},
		{"run.max_servers=-1", "must be at least 0, not -1"},
		{"run.max_trainers=65537", "must be at most 65536, not 65537"},
		{"run.seed=-1", "must be at least 0, not -1"},
		{"run.seed=18446744073709551616", "must be at most 18446744073709551615, not 18446744073709551616"},
		{"run.consistency=bps", `unknown value "bps"; did you mean bsp?`},
		{"run.replicas=2", "must be 1 (other values are not yet supported), not 2"},
		{"run=3", "must be a mapping of keys (epochs, tolerance, batch, workers, ranges, max_servers, max_trainers, seed, consistency, staleness, replicas, wire, checkpoint, stop), not 3"},
		{"optimizer.kind=lbgfs", `unknown value "lbgfs"; did you mean lbfgs?`},
		{"optimizer.kind=''", "must not be empty; use adagrad, sgd, momentum, adam, ftrl or lbfgs"},
		{"optimizer.rate=0", "must be more than 0, not 0"},
		{"optimizer.rate=-1", "must be more than 0, not -1"},
		{"optimizer.rate=.nan", "must be a finite number, not .nan"},
		{"optimizer.rate=.inf", "must be a finite number, not .inf"},
		{"optimizer.rate=1e999", "is too large for a 64-bit float: 1e999"},
		{"optimizer.rate=fast", `must be a number, not "fast"`},
		{"model.l2=-1e-9", "must be at least 0, not -1e-09"},
		{"model.l2=0x1F", "must be a number in plain decimal digits, not 0x1F"},
		{"model.kind=Logistic", `unknown value "Logistic"; did you mean logistic?`},
		{"model.kind=forest", `unknown value "forest"; use logistic, softmax, linear, hinge, poisson, fm, mlp, wide_deep or lsi`},
		{"model.kind=lda", "lda is not yet supported; use logistic, softmax, linear, hinge, poisson, fm, mlp, wide_deep or lsi"},
		{"model.penalize_bias=yes", `must be true or false, not "yes"`},
		{"data.holdout=0", "must be more than 0, not 0"},
		{"data.holdout=1", "must be less than 1, not 1"},
		{"data.cache=false", `unknown value "false"; use on or off`},
		{"data.quality.max_bad_rows=-1", "must be at least 0, not -1"},
		{"data.quality.max_bad_rows=x", `must be an integer, not "x"`},
		{"data.quality.min_rows=9223372036854775808", "must be at most 9223372036854775807, not 9223372036854775808"},
		{"data.train.format=cvs", `unknown value "cvs"; did you mean csv?`},
		{"data.train.format=xml", `unknown value "xml"; use libsvm, vw, csv, tsv, jsonl, text, uci-bow, arrow, parquet or idx`},
		{"data.train.path=gs://bucket/a.svm", "URLs of gs:// are not supported; use http://, https:// or s3://, or a file or folder"},
		{"output=gs://b/o", `must be a folder or an s3:// URL, not "gs://b/o"`},
		{`output=""`, "must not be empty"},
		{`output="a\nb"`, `must be printable text on one line, not "a\nb"`},
		{"output=[a, b]x", ""},
		{"name=a/b", `must be letters, digits, dots, dashes and underscores, the first a letter or digit, not "a/b"`},
		{"name=..", `must be letters, digits, dots, dashes and underscores, the first a letter or digit, not ".."`},
		{"name=a23456789012345678901234567890123456789012345678901234567890123456", "must be at most 64 characters long, not 66"},
	}
	for _, c := range cases {
		_, err := Parse("j.yaml", []byte(minimal), []string{c.override})
		got := ""
		if err != nil {
			got = err.Error()
		}
		want := c.want
		if want != "" {
			want = "override " + c.override + ": " + c.want
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestTextInTheFileIsTyped(t *testing.T) {
	checkFaults(t, []faultCase{
		{name: "number", text: with("name: 2024\n"), want: "j.yaml:7: name: must be text, not 2024; put it in quotes"},
		{name: "boolean", text: with("name: true\n"), want: "j.yaml:7: name: must be text, not true; put it in quotes"},
		{name: "list", text: with("name: [a]\n"), want: "j.yaml:7: name: must be text, not a list"},
	})
}

func TestFaultsOfOverrides(t *testing.T) {
	cases := []struct{ override, want string }{
		{"epochs", "override epochs: must be key.path=value, such as run.epochs=3"},
		{"", "override : must be key.path=value, such as run.epochs=3"},
		{"=3", "override =3: must be key.path=value, such as run.epochs=3"},
		{"run.epochs=", "override run.epochs=: has no value; write run.epochs=VALUE, or run.epochs=null for the default"},
		{"run.epoch=3", "override run.epoch=3: unknown key; did you mean run.epochs?"},
		{"run..epochs=3", "override run..epochs=3: run.: unknown key; the keys here are epochs, tolerance, batch, workers, ranges, max_servers, max_trainers, seed, consistency, staleness, replicas, wire, checkpoint, stop"},
		{"run={epochs: 0}", "override run={epochs: 0}: run.epochs: must be at least 1, not 0"},
		{"run={epochs: 1, epochs: 2}", "override run={epochs: 1, epochs: 2}: run.epochs: is given twice, first on line 1; keep one of them"},
		{"output.x=3", `override output.x=3: output is "runs/a", not a mapping of keys`},
		{"run.batch=[1", "override run.batch=[1: broken YAML: did not find expected ',' or ']'"},
		{"model.l2=&a 3", "override model.l2=&a 3: " + aliasFault},
		{"run.epochs=1\n---\n2", `override "run.epochs=1\n---\n2": must be UTF-8 text on one line`},
		{"name=\xff", `override "name=\xff": must be UTF-8 text on one line`},
		{"output=null", "j.yaml:1: output: is required; add it"},
	}
	for _, c := range cases {
		_, err := Parse("j.yaml", []byte(minimal), []string{c.override})
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

func TestValidateReportsAllFaults(t *testing.T) {
	j := parsed(t, minimal)
	j.Name, j.Output, j.Data.Holdout, j.Data.Test = "", "", 0.5, &Source{Path: "ftp://x/y", Format: "libsvm"}
	j.Model.L2, j.Optimizer.Rate, j.Run.Workers = math.NaN(), math.Inf(1), -3
	const want = `name: must not be empty
model.l2: must be a finite number, not NaN
optimizer.rate: must be a finite number, not +Inf
run.workers: must be at least 1, not -3
output: is required; add it
data.test.path: URLs of ftp:// are not supported; use http://, https:// or s3://, or a file or folder
data.holdout: cannot be used together with data.test; keep one of them`
	if got := j.Validate().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
