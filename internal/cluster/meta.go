package cluster

import (
	"encoding/json"
	"fmt"

	"github.com/hashicorp/memberlist"
)

// MaxMeta is how many bytes a packed Meta may have: memberlist sends it with
// every announcement, in one packet.
const MaxMeta = memberlist.MetaMaxSize

// Meta is what a member says of itself. It is a claim, to be checked by asking
// the member over gRPC.
type Meta struct {
	// Roles are the member's roles: coordinator, ps, trainer.
	Roles []string `json:"r,omitempty"`
	// Bind is the gRPC address to dial.
	Bind string `json:"b"`
	// HTTP is the address of the member's HTTP endpoint, if it has one.
	HTTP string `json:"h,omitempty"`
	// Started is when the process started, in Unix nanoseconds: the order of
	// seniority, and what tells two lives of one name apart.
	Started int64 `json:"s"`
	// Version is the build that the member runs.
	Version string `json:"v,omitempty"`
}

// pack encodes m as JSON: readable in a packet dump, and members of different
// versions skip each other's new fields.
func (m Meta) pack() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("pack what the node says of itself: %w", err)
	}
	if len(b) > MaxMeta {
		return nil, fmt.Errorf("what the node says of itself (roles, addresses, version) takes %d bytes, more than the %d that gossip carries: shorten the addresses or the version", len(b), MaxMeta)
	}
	return b, nil
}

func unpackMeta(b []byte) (Meta, error) {
	var m Meta
	if err := json.Unmarshal(b, &m); err != nil {
		return Meta{}, fmt.Errorf("unpack meta: %w", err)
	}
	return m, nil
}
