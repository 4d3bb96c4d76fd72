package feature

// TimeCell reads a cell as a feature of kind time does: a date with or without a
// time of day, or 10 or 13 digits. It returns the seconds from 1970 to the time as
// it is written, whatever its zone, and false if the cell is no time.
func TimeCell(cell []byte) (seconds int64, ok bool) {
	m, ok := parseTime(cell)
	if !ok {
		return 0, false
	}
	days := dayOf(int64(m.year), int64(m.month), int64(m.day))
	return days*secondsOfDay + int64(m.hour)*3600 + int64(m.minute)*60 + int64(m.second), true
}
