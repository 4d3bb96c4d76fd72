package rpc

import (
	"time"

	"parley/internal/param"
	parleyv1 "parley/proto/parley/v1"
)

// Spent packs what a worker's time went into.
func Spent(s param.Spent) *parleyv1.Spent {
	return &parleyv1.Spent{Rounds: s.Rounds, Read: int64(s.Read), Compute: int64(s.Compute), Push: int64(s.Push), Wait: int64(s.Wait), Pull: int64(s.Pull)}
}

// FromSpent is the inverse of Spent.
func FromSpent(m *parleyv1.Spent) param.Spent {
	return param.Spent{Rounds: m.GetRounds(), Read: time.Duration(m.GetRead()), Compute: time.Duration(m.GetCompute()), Push: time.Duration(m.GetPush()),
		Wait: time.Duration(m.GetWait()), Pull: time.Duration(m.GetPull())}
}
