package feature

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	at := func(y, mo, d, h, mi, s int) moment {
		w := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC).Weekday()
		return moment{int32(y), uint8(mo), uint8(d), uint8(h), uint8(mi), uint8(s), uint8(w+6) % 7}
	}
	tests := []struct {
		text string
		want moment
	}{
		{"2001-01-31 07:05", at(2001, 1, 31, 7, 5, 0)},
		{"2001-01-31 07:05:09", at(2001, 1, 31, 7, 5, 9)},
		{"2001-01-31T07:05:09.123456789", at(2001, 1, 31, 7, 5, 9)},
		{"2001-01-31T23:59:60Z", at(2001, 1, 31, 23, 59, 60)},
		{"2001-01-31T07:05:09+05:30", at(2001, 1, 31, 7, 5, 9)},
		{"2001-01-31 07:05-08:00", at(2001, 1, 31, 7, 5, 0)},
		{"2001-01-31", at(2001, 1, 31, 0, 0, 0)},
		{"2001/01/31 07:05", at(2001, 1, 31, 7, 5, 0)},
		{"2000-02-29", at(2000, 2, 29, 0, 0, 0)},
		{"0980924700", at(2001, 1, 31, 7, 5, 0)},
		{"1980924709", at(2032, 10, 9, 8, 51, 49)},
		{"1980924709999", at(2032, 10, 9, 8, 51, 49)},
	}
	for _, test := range tests {
		if got, ok := parseTime([]byte(test.text)); !ok || got != test.want {
			t.Errorf("%q is %+v, %v; want %+v", test.text, got, ok, test.want)
		}
	}
}

func TestParseTimeRefuses(t *testing.T) {
	for _, text := range []string{
		"", "never", "2001-13-01", "2001-00-01", "2001-02-29", "1900-02-29", "2001-04-31", "2001-01-00", "2001-01/31", "2001-1-31",
		"2001-01-31 24:00", "2001-01-31 07:60", "2001-01-31 7:05", "2001-01-31 07", "2001-01-31x07:05", "2001-01-31 07:05:61",
		"2001-01-31 07:05:09.", "2001-01-31 07:05z1", "2001-01-31 07:05+5:30", "2001-01-31 07:05+24:00", "2001-01-31 07:05 UTC",
		"123456789", "12345678901", "31.01.2001",
	} {
		if got, ok := parseTime([]byte(text)); ok {
			t.Errorf("%q is %+v, but no time", text, got)
		}
	}
}

func TestCalendarIsThatOfTime(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	for range 20_000 {
		seconds := r.Int64N(400_000_000_000) - 62_000_000_000
		w := time.Unix(seconds, 0).UTC()
		m := ofUnix(seconds)
		if int(m.year) != w.Year() || int(m.month) != int(w.Month()) || int(m.day) != w.Day() || int(m.hour) != w.Hour() ||
			int(m.minute) != w.Minute() || int(m.second) != w.Second() || int(m.weekday) != (int(w.Weekday())+6)%7 {
			t.Fatalf("%d is %+v, want %v", seconds, m, w)
		}
		if days := floorDiv(seconds, secondsOfDay); dayOf(int64(m.year), int64(m.month), int64(m.day)) != days {
			t.Fatalf("%v is day %d", w, days)
		}
	}
}

func TestTimesAreWrittenAsCells(t *testing.T) {
	for _, test := range []struct {
		ns   int64
		want string
	}{
		{980924709_000000000, "2001-01-31 07:05:09"}, {980924709_120000000, "2001-01-31 07:05:09.12"}, {1, "1970-01-01 00:00:00.000000001"}, {-1, "1969-12-31 23:59:59.999999999"},
	} {
		if got := string(appendTime(nil, test.ns)); got != test.want {
			t.Errorf("%d is %q, want %q", test.ns, got, test.want)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2001-01-31T07:05:09.5+05:30")
	f.Add("1980924709999")
	f.Fuzz(func(t *testing.T, text string) {
		m, ok := parseTime([]byte(text))
		if !ok {
			return
		}
		for _, layout := range []string{"2006-01-02", "2006/01/02"} {
			if w, err := time.Parse(layout, text); err == nil && (int(m.year) != w.Year() || int(m.day) != w.Day() || int(m.weekday) != (int(w.Weekday())+6)%7) {
				t.Errorf("%q is %+v, but time says %v", text, m, w)
			}
		}
		if m.month < 1 || m.month > 12 || m.day < 1 || m.day > 31 || m.hour > 23 || m.minute > 59 || m.second > 60 || m.weekday > 6 {
			t.Errorf("%q is %+v", text, m)
		}
	})
}
