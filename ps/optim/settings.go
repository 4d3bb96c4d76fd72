package optim

import "parley/internal/param"

// Settings choose a rule. Default returns those that a kind starts with.
type Settings struct {
	Kind string  `json:"kind"` // "sgd", "momentum", "adagrad", "adam" or "ftrl"
	Rate float64 `json:"rate"` // of a step, above 0; for adagrad the size of a key's first step, for ftrl α
	// L2 is of the penalty L2/2 · ‖w‖², at least 0; the objective has the mean of
	// the row losses beside it. For ftrl it is the λ2 of the paper.
	L2 float64 `json:"l2,omitempty"`
	L1 float64 `json:"l1,omitempty"` // λ1 of ftrl, at least 0; 0 for all other kinds
	// Workers is the number of the job's workers, W above. It matters to Combine
	// of local rules when L2 is above 0; 0 stands for a job whose keys are all
	// touched by every worker in every round.
	Workers int `json:"workers,omitempty"`
	// Gradient makes workers of sgd and adagrad push the sum of their rows'
	// gradients instead of taking local steps. The other kinds always do.
	Gradient bool    `json:"gradient,omitempty"`
	Momentum float64 `json:"momentum,omitempty"` // of momentum's buffer, in [0, 1)
	Nesterov bool    `json:"nesterov,omitempty"` // momentum looks a step ahead; Momentum must be above 0
	Beta1    float64 `json:"beta1,omitempty"`    // adam's decay of the first moment, in [0, 1)
	Beta2    float64 `json:"beta2,omitempty"`    // adam's decay of the second moment, in [0, 1)
	// Epsilon is added to the root that adagrad and adam divide by; 0 stands for
	// 1e-8, since none at all would divide 0 by 0.
	Epsilon float64 `json:"epsilon,omitempty"`
	// Decay takes Rate · Decay of each penalised weight away in every round, of rules
	// that take gradients (decoupled weight decay: Loshchilov, Hutter, ICLR 2019).
	Decay    float64  `json:"decay,omitempty"`
	Schedule Schedule `json:"schedule"` // of the rate of rules that take gradients
	// Tolerance ends lbfgs when the norm of the gradient is this share of the first
	// one's, above 0 and below 1.
	Tolerance float64 `json:"tolerance,omitempty"`
	Beta      float64 `json:"beta,omitempty"` // β of ftrl, at least 0: the larger, the smaller the first steps
}

// Default returns the settings of a kind that a job has where it does not say
// otherwise. Its Rate is 0: that is the job's to choose.
func Default(kind string) Settings {
	return Settings{Kind: kind, Momentum: 0.9, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, Beta: 1}
}

// most bounds what is converted to float32.
const most = 1e30

// check returns an Invalid error for the first setting that is out of bounds,
// whether the kind looks at it or not.
func (s Settings) check() error {
	switch {
	case !(s.Rate > 0) || float64(float32(s.Rate)) > most || float32(s.Rate) == 0:
		return param.Errorf(param.Invalid, "optimizer rate %v: must be above 0 and finite", s.Rate)
	case !(s.L2 >= 0) || s.L2 > most:
		return param.Errorf(param.Invalid, "l2 %v: must be at least 0 and finite", s.L2)
	case !(s.L1 >= 0) || s.L1 > most:
		return param.Errorf(param.Invalid, "l1 %v: must be at least 0 and finite", s.L1)
	case s.L1 > 0 && s.Kind != "ftrl":
		return param.Errorf(param.Invalid, "l1 %v with optimizer %s: only ftrl has it, set l1 to 0", s.L1, s.Kind)
	case !(s.Decay >= 0) || s.Decay > most:
		return param.Errorf(param.Invalid, "weight decay %v: must be at least 0 and finite", s.Decay)
	case s.Workers < 0:
		return param.Errorf(param.Invalid, "workers %d: must be at least 0", s.Workers)
	case s.Epsilon != 0 && !(s.Epsilon >= 1/most && s.Epsilon <= most):
		return param.Errorf(param.Invalid, "optimizer epsilon %v: must be above 0 and finite", s.Epsilon)
	case !(s.Beta >= 0) || s.Beta > most:
		return param.Errorf(param.Invalid, "optimizer beta %v: must be at least 0 and finite", s.Beta)
	}
	return s.checkDecays()
}

func (s Settings) checkDecays() error {
	for _, d := range []struct {
		name  string
		value float64
	}{{"momentum", s.Momentum}, {"beta1", s.Beta1}, {"beta2", s.Beta2}} {
		if !(d.value >= 0) || !(float32(d.value) < 1) {
			return param.Errorf(param.Invalid, "optimizer %s %v: must be at least 0 and below 1", d.name, d.value)
		}
	}
	if s.Nesterov && s.Momentum == 0 {
		return param.Errorf(param.Invalid, "optimizer nesterov: needs a momentum above 0")
	}
	return nil
}
