// Package trainer is what runs on trainers: Worker, the step machine of one
// logical worker, and Host, which drives the workers and evaluations that a
// trainer was given, each worker in a goroutine of its own. While a worker waits
// for its servers, another goroutine builds its next batch.
//
// Rows come in through Shards, parameters go in and out through Servers, and
// what is learned is Model's business; node wires all three. Contributions are a
// function of job, worker, round and the state that was pulled, and of nothing
// that a trainer remembers: so a worker may be started anywhere again.
package trainer

import (
	"context"

	"parley/internal/batch"
	"parley/internal/metric"
	"parley/internal/param"
)

// Shards gives the rows of a dataset.
type Shards interface {
	// Load returns the rows of a data shard. They are shared: not to be changed.
	Load(ctx context.Context, id param.ShardID) (*batch.CSR, error)
}

// Model is what is learned. It is shared by goroutines. It is a Learner, an
// Accumulator or a Multiplier too, as the job's method asks.
type Model interface {
	// Evaluate adds the rows for which keep holds to a summary; weights are those
	// of all keys: of the columns and then the bias.
	Evaluate(rows *batch.CSR, keep func(i int) bool, weights []float32, into *metric.Summary)
}

// Learner turns batches into contributions.
type Learner interface {
	// Learn computes the contribution of a block from the state of its columns
	// (slot-major, with as many keys a column as the plan's width), and the sum of the
	// rows' losses. It may use the state's memory
	// for it; both are the caller's again with the next call for the worker.
	Learn(b *batch.Block, state []float32) (change []float32, loss float64)
}

// Preparer is a Learner that does a part of its work before the state is there.
type Preparer interface {
	// Prepare sets the block's Ready. Blocks are prepared by goroutines of their own.
	Prepare(b *batch.Block)
}

// Locator is a Learner that says where a contribution holds NaN or an infinity.
type Locator interface {
	// Locate names a part of the model whose values in a contribution are not all
	// finite, "" if there is none.
	Locate(change []float32) string
}

// Accumulator turns all of a worker's rows into a contribution to a full-batch
// method.
type Accumulator interface {
	// Accumulate adds the gradient of the sum of the losses of the rows for which
	// keep holds, each times its weight, at the weights, which are laid out as for
	// Evaluate, and unless it is nil the diagonal of the Hessian to diagonal. It
	// returns how many rows these were, and the sum of their losses.
	Accumulate(rows *batch.CSR, keep func(i int) bool, weights []float32, gradient, diagonal []float64) (n int64, loss float64)
}

// Multiplier multiplies a panel, a matrix with a row for each column of the data, by
// AᵀA for the matrix A of a worker's rows.
type Multiplier interface {
	// Multiply adds Aᵀ·(A·panel) of the rows for which keep holds to sum; both are
	// row-major and as wide as one another. It returns how many rows these were.
	Multiply(rows *batch.CSR, keep func(i int) bool, panel []float32, width int, sum []float64) (n int64)
}

// Solver says what a method on panels does next (optim.Lanczos). An epoch has
// PhaseRounds rounds; in the first, phase 0, workers multiply, in the others worker
// 0 answers what the ranges have to be told.
type Solver interface {
	PhaseRounds() int
	// Width returns the columns of the panel, Terms how many float64s are summed
	// over all ranges before a phase, with so many columns in the basis, of which some
	// are near.
	Width(stage int) int
	Terms(stage, phase, columns, near int) int
	// Answer returns what all ranges are told, and how far the method is from its
	// end, from the sums and what the first range keeps.
	Answer(stage, phase, columns, epoch int, totals, kept []float64) (answer []float64, residual float64, err error)
}

// Reply is the answer to a Request: Values for a pull, nothing for a push.
type Reply struct {
	Request *Request
	Values  []float32
	Err     error
	// Done, unless it is nil, gives the memory of Values back: to be called once at
	// the most, by who does not need them any more.
	Done func()
}

// Servers carries a worker's requests to the ranges of its job.
type Servers interface {
	// Send sends requests, at least once, and in their order for each range. The
	// replies are handed to reply, from any goroutine, which must not block for
	// long. A reply that a range owes comes when the range has it; nothing comes
	// after ctx has ended.
	Send(ctx context.Context, requests []*Request, reply func(Reply))
	// Weights returns the weights of all keys at the end of training.
	Weights(ctx context.Context) ([]float32, error)
	// Values returns the weights of some keys at the end of training, given by their
	// offsets in each range, in the order of ranges.
	Values(ctx context.Context, offsets [][]uint32) ([]float32, error)
}
