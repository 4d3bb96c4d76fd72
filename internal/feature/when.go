package feature

import (
	"bytes"
	"strconv"
)

// moment is a time as it was written: no zone is applied.
type moment struct {
	year                 int32
	month, day           uint8
	hour, minute, second uint8
	weekday              uint8 // 0 is Monday
}

// part returns one of the time parts that a job may name.
func (m moment) part(name timePart) int {
	switch name {
	case partHour:
		return int(m.hour)
	case partWeekday:
		return int(m.weekday)
	case partMonth:
		return int(m.month)
	case partDay:
		return int(m.day)
	case partMinute:
		return int(m.minute)
	}
	return int(m.year)
}

// timePart is a part of a time; 0 is none.
type timePart uint8

const (
	partHour timePart = iota + 1
	partWeekday
	partMonth
	partDay
	partMinute
	partYear
)

// timeParts are the names that jobs use.
var timeParts = map[string]timePart{
	"hour": partHour, "weekday": partWeekday, "month": partMonth, "day": partDay, "minute": partMinute, "year": partYear,
}

const (
	secondsOfDay = 24 * 60 * 60
	nanoseconds  = 1_000_000_000
)

// ofUnix returns the moment of an instant in UTC, in seconds since 1970.
func ofUnix(seconds int64) moment {
	days := floorDiv(seconds, secondsOfDay)
	m := ofDay(days)
	rest := int(seconds - days*secondsOfDay)
	m.hour, m.minute, m.second = uint8(rest/3600), uint8(rest/60%60), uint8(rest%60)
	return m
}

// ofDay returns the moment at which a day since 1970 begins in the Gregorian
// calendar: Hinnant, "chrono-compatible low-level date algorithms", 2013. Years
// begin in March there, in cycles of 400.
func ofDay(days int64) moment {
	const cycle = 146097
	z := days + 719468
	era := floorDiv(z, cycle)
	doe := z - era*cycle
	yoe := (doe - doe/1460 + doe/36524 - doe/(cycle-1)) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	year, month := yoe+era*400, mp+3
	if mp >= 10 {
		year, month = year+1, mp-9
	}
	return moment{year: int32(year), month: uint8(month), day: uint8(doy - (153*mp+2)/5 + 1), weekday: weekdayOf(days)}
}

// dayOf is the reverse of ofDay.
func dayOf(year, month, day int64) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	doy := (153*(month-3)+2)/5 + day - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

func weekdayOf(days int64) uint8 { return uint8(days + 3 - floorDiv(days+3, 7)*7) } // 1970 began on a Thursday

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// parseTime reads a date with or without a time of day and a zone, or 10 or 13
// digits of seconds or milliseconds since 1970.
func parseTime(cell []byte) (moment, bool) {
	if n := len(cell); n == 10 || n == 13 {
		if v, ok := digits(cell, 0, n); ok {
			if n == 13 {
				v /= 1000
			}
			return ofUnix(v), true
		}
	}
	m, ok := parseDate(cell)
	if !ok || len(cell) == 10 {
		return m, ok
	}
	if c := cell[10]; c != ' ' && c != 'T' && c != 't' {
		return m, false
	}
	ok = m.parseClock(cell[11:])
	return m, ok
}

// parseDate reads YYYY-MM-DD or YYYY/MM/DD at the start of cell.
func parseDate(cell []byte) (m moment, ok bool) {
	if len(cell) < 10 || cell[4] != cell[7] || cell[4] != '-' && cell[4] != '/' {
		return m, false
	}
	year, ok1 := digits(cell, 0, 4)
	month, ok2 := digits(cell, 5, 7)
	day, ok3 := digits(cell, 8, 10)
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > 31 {
		return m, false
	}
	days := dayOf(year, month, day)
	m = moment{year: int32(year), month: uint8(month), day: uint8(day), weekday: weekdayOf(days)}
	if day > 28 {
		there := ofDay(days)
		ok = there.month == m.month && there.day == m.day // there is no February 30
	} else {
		ok = true
	}
	return m, ok
}

// parseClock reads HH:MM, HH:MM:SS or HH:MM:SS.fraction, and a zone behind it.
func (m *moment) parseClock(clock []byte) bool {
	if len(clock) < 5 || clock[2] != ':' {
		return false
	}
	hour, ok1 := digits(clock, 0, 2)
	minute, ok2 := digits(clock, 3, 5)
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return false
	}
	m.hour, m.minute = uint8(hour), uint8(minute)
	rest := clock[5:]
	if len(rest) >= 3 && rest[0] == ':' {
		second, ok := digits(rest, 1, 3)
		if !ok || second > 60 { // 60 is a leap second
			return false
		}
		m.second = uint8(second)
		if rest = rest[3:]; len(rest) > 0 && rest[0] == '.' {
			i := 1
			for i < len(rest) && rest[i]-'0' <= 9 {
				i++
			}
			if i == 1 {
				return false
			}
			rest = rest[i:]
		}
	}
	return isZone(rest)
}

// isZone reports whether text is empty, Z or ±hh:mm.
func isZone(text []byte) bool {
	switch {
	case len(text) == 0 || bytes.EqualFold(text, []byte{'Z'}):
		return true
	case len(text) != 6 || text[0] != '+' && text[0] != '-' || text[3] != ':':
		return false
	}
	hour, ok1 := digits(text, 1, 3)
	minute, ok2 := digits(text, 4, 6)
	return ok1 && ok2 && hour <= 23 && minute <= 59
}

// digits reads the decimal digits text[from:to].
func digits(text []byte, from, to int) (int64, bool) {
	v := int64(0)
	for _, c := range text[from:to] {
		if c-'0' > 9 {
			return 0, false
		}
		v = 10*v + int64(c-'0')
	}
	return v, true
}

// appendTime writes an instant, in nanoseconds since 1970 in UTC, as a cell.
func appendTime(dst []byte, ns int64) []byte {
	seconds := floorDiv(ns, nanoseconds)
	m := ofUnix(seconds)
	dst = pad(dst, int(m.year), 4)
	dst = pad(append(dst, '-'), int(m.month), 2)
	dst = pad(append(dst, '-'), int(m.day), 2)
	dst = pad(append(dst, ' '), int(m.hour), 2)
	dst = pad(append(dst, ':'), int(m.minute), 2)
	dst = pad(append(dst, ':'), int(m.second), 2)
	if fraction := ns - seconds*nanoseconds; fraction != 0 {
		dst = bytes.TrimRight(pad(append(dst, '.'), int(fraction), 9), "0")
	}
	return dst
}

// pad appends v >= 0 with at least width digits.
func pad(dst []byte, v, width int) []byte {
	for limit := 10; width > 1; width, limit = width-1, limit*10 {
		if v < limit {
			for range width - 1 {
				dst = append(dst, '0')
			}
			break
		}
	}
	return strconv.AppendInt(dst, int64(v), 10)
}
