package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestLogLevels(t *testing.T) {
	t.Parallel()
	var log lines
	w := newLogWriter(log.logger())
	now := time.Unix(0, 0)
	w.now = func() time.Time { return now }
	say := func(s string) { fmt.Fprintln(w, s) }
	say("[DEBUG] memberlist: Stream connection from=1.2.3.4:5")
	say("[WARN] memberlist: Refuting a suspect message (from: b)")
	say("[ERR] memberlist: Failed to send UDP ping: no route")
	say("[INFO] memberlist: Marking c as failed")
	say("[ERR] memberlist: Failed to send UDP ping: no route") // repeated: not again
	now = now.Add(quietTime)
	say("[ERR] memberlist: Failed to send UDP ping: later")
	got := log.text()
	for _, want := range []string{
		`level=WARN msg="gossip: Refuting a suspect message (from: b)"`,
		`level=WARN msg="gossip: Failed to send UDP ping: no route"`,
		`level=INFO msg="gossip: Marking c as failed"`,
		`level=WARN msg="gossip: Failed to send UDP ping: later"`,
	} {
		if strings.Count(got, want) != 1 {
			t.Errorf("want one %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, got)
	}
}

func TestLabelWarningOnce(t *testing.T) {
	t.Parallel()
	var log lines
	w := newLogWriter(log.logger())
	for port := range 50 {
		fmt.Fprintf(w, "[ERR] memberlist: discarding stream with unacceptable label %q: from=10.0.0.7:%d\n", "other", 4000+port)
	}
	fmt.Fprintf(w, "[ERR] memberlist: discarding packet with unacceptable label %q: from=10.0.0.8:7701\n", "other")
	if n := log.count("refused a node of another cluster"); n != 2 {
		t.Errorf("%d warnings, want one a host:\n%s", n, log.text())
	}
}
