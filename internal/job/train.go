package job

// Model says what is learned.
type Model struct {
	// Kind is the model: logistic or hinge for two classes, softmax for several,
	// linear for numbers, poisson for counts, fm for pairs of features, mlp for neural
	// networks, wide_deep for networks on embeddings, lsi for topics.
	Kind string `yaml:"kind" json:"kind" jsonschema:"required,enum=logistic,enum=softmax,enum=linear,enum=hinge,enum=poisson,enum=fm,enum=mlp,enum=wide_deep,enum=lsi" jsonschema_description:"logistic or hinge for two classes, softmax for several, linear for numbers, poisson for counts, fm for pairs of features, mlp for neural networks, wide_deep for networks on embeddings or lsi for topics."`
	// Rank is the number of factors of a column, of fm: more can tell more pairs apart,
	// need more rows, and take time and memory in proportion.
	Rank int `yaml:"rank" json:"rank,omitempty" jsonschema:"minimum=1,maximum=256" jsonschema_description:"Factors of a column, for fm; 8 by default."`
	// Loss is that of fm and mlp: squared or mse for numbers, logistic for two classes,
	// softmax for several.
	Loss string `yaml:"loss" json:"loss,omitempty" jsonschema:"enum=squared,enum=logistic,enum=softmax,enum=mse" jsonschema_description:"Loss of a row. For fm: squared (the default) for numbers, logistic for two classes. For mlp: softmax (the default) for classes, logistic for two, mse for numbers. For wide_deep: logistic (the default) or mse."`
	// InitScale bounds the factors that fm begins with, which are drawn evenly from
	// -init_scale to init_scale. Were they 0, none would ever change.
	InitScale float64 `yaml:"init_scale" json:"init_scale,omitempty" jsonschema:"exclusiveMinimum=0,maximum=10" jsonschema_description:"Bound of the random factors that fm begins with, and of wide_deep's embeddings; 0.1 by default for fm, 0.01 for wide_deep."`
	// Layers are the units of mlp from the inputs, which are the columns, to the outputs:
	// one for each class, or one. Of wide_deep they are those of the hidden layers alone.
	Layers []int `yaml:"layers" json:"layers,omitempty" jsonschema:"minItems=1,maxItems=11,minimum=1,maximum=1000000" jsonschema_description:"Units of the layers. For mlp: first the columns of the data, then those of the hidden layers, and last the classes, or 1 for the losses logistic and mse. For wide_deep those of the hidden layers, [64, 32] by default."`
	// Dim is the length of a column's embedding, of wide_deep.
	Dim int `yaml:"dim" json:"dim,omitempty" jsonschema:"minimum=1,maximum=256" jsonschema_description:"Length of a column's embedding, for wide_deep; 8 by default."`
	// Activation is the function behind each hidden layer of mlp.
	Activation string `yaml:"activation" json:"activation,omitempty" jsonschema:"enum=relu,enum=tanh,enum=gelu" jsonschema_description:"Function behind each hidden layer, for mlp and wide_deep; relu by default."`
	// Dropout is the share of the hidden units that each row of a batch goes without, of
	// mlp. Evaluation and prediction are with all.
	Dropout float64 `yaml:"dropout" json:"dropout,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"Share of the hidden units that each row goes without in training, for mlp and wide_deep; none by default."`
	// WeightDecay takes rate · weight_decay of each weight away in every round, of mlp
	// (decoupled weight decay, as in AdamW). Biases are left alone.
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay,omitempty" jsonschema:"minimum=0,maximum=1e6" jsonschema_description:"Share of each weight, times the rate, that a round takes away, for mlp and wide_deep (as AdamW does); none by default."`
	// Initial says how wide the weights of mlp are drawn at first: evenly from -√(6/in)
	// to √(6/in) for he, which suits relu, √(6/(in+out)) for xavier.
	Initial string `yaml:"initial" json:"initial,omitempty" jsonschema:"enum=he,enum=xavier" jsonschema_description:"Bounds of the random weights that mlp and wide_deep begin with: he, √(6/in), or xavier, √(6/(in+out)); he for relu and gelu, xavier for tanh by default."`
	// Topics is the number of singular triplets that are found, of lsi.
	Topics int `yaml:"topics" json:"topics,omitempty" jsonschema:"minimum=1,maximum=2000" jsonschema_description:"Number of topics, for lsi; 100 by default."`
	// Tolerance ends lsi when ‖Aᵀu - σv‖/σ₁ of each triplet is no more.
	Tolerance float64 `yaml:"tolerance" json:"tolerance,omitempty" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" jsonschema_description:"What ‖Aᵀu - σv‖/σ₁ of each singular triplet may be, for lsi; 1e-6 by default."`
	// Block is the number of vectors that a pass over the rows multiplies, of lsi: more
	// need fewer passes, each of which takes longer.
	Block int `yaml:"block" json:"block,omitempty" jsonschema:"minimum=1,maximum=256" jsonschema_description:"Vectors that a pass over the rows multiplies, for lsi; 16 by default."`
	// Passes bounds the passes over the rows, of lsi.
	Passes int `yaml:"passes" json:"passes,omitempty" jsonschema:"minimum=3,maximum=1000000" jsonschema_description:"Passes over the rows, at most, for lsi; 200 by default."`
	// L2 weighs the penalty l2/2 · ‖w‖² against the mean loss of a row. More
	// keeps weights small and generalises from few rows; too much underfits.
	L2 float64 `yaml:"l2" json:"l2" jsonschema:"minimum=0,default=0" jsonschema_description:"Weight of the penalty l2/2 · ‖w‖² beside the mean row loss."`
	// L1 weighs the penalty l1 · ‖w‖₁, which makes weights zero. Only ftrl has it.
	L1 float64 `yaml:"l1" json:"l1,omitempty" jsonschema:"minimum=0" jsonschema_description:"Weight of the penalty l1 · ‖w‖₁ beside the mean row loss, for optimizer.kind ftrl; none by default."`
	// PenalizeBias applies the penalty to the bias too, as liblinear does.
	PenalizeBias bool `yaml:"penalize_bias" json:"penalize_bias" jsonschema:"default=false" jsonschema_description:"Whether the penalty holds for the bias too."`
	// Init is the folder of an earlier model, the output that holds one, or the
	// s3:// URL of either: training goes on from its parameters. A folder is
	// absolute after Load; "" begins from zero.
	Init string `yaml:"init" json:"init,omitempty" jsonschema:"minLength=1" jsonschema_description:"Folder or s3:// URL of an earlier model to go on from, relative to the job file."`
	// InitSHA256 is the SHA-256 in hex of the parameters of Init, which shape the
	// result where the path does not. It is no key of the job file: whoever submits
	// the job opens the model and sets it.
	InitSHA256 string `yaml:"-" json:"init_sha256,omitempty" jsonschema:"-"`
}

// FindsTopics reports whether the model is a truncated singular value decomposition.
func (m *Model) FindsTopics() bool { return m.Kind == "lsi" }

// Factorizes reports whether the model is a factorization machine.
func (m *Model) Factorizes() bool { return m.Kind == "fm" }

// IsDeep reports whether the model has a multilayer perceptron.
func (m *Model) IsDeep() bool { return m.Kind == "mlp" || m.Embeds() }

// Embeds reports whether each column has an embedding, which the layers are on.
func (m *Model) Embeds() bool { return m.Kind == "wide_deep" }

// Optimizer says how the parameters are updated. The knobs below Rate belong to
// one rule each (see knobs); those of other rules are 0. After Parse those of the
// rule are set.
type Optimizer struct {
	// Kind is the update rule. adagrad scales each step by the key's own
	// history, which suits sparse data; sgd keeps no state beside the weights.
	// These two take local steps; momentum, adam and ftrl step once a round. lbfgs
	// steps once an epoch, with the gradient of all rows, and finds the optimum to
	// the last digits.
	Kind string `yaml:"kind" json:"kind" jsonschema:"enum=adagrad,enum=sgd,enum=momentum,enum=adam,enum=ftrl,enum=lbfgs,default=adagrad" jsonschema_description:"The update rule."`
	// Rate scales every step; it has no unit. A larger one learns in fewer
	// epochs until it diverges. Its default hangs on the rule (see rates).
	Rate float64 `yaml:"rate" json:"rate" jsonschema:"exclusiveMinimum=0,maximum=1e9" jsonschema_description:"Scale of a step; the default is 0.5 for adagrad and ftrl, 0.05 for sgd, 0.1 for momentum and 0.03 for adam; for mlp 0.001 for adam, 0.01 for momentum and adagrad, 0.1 for sgd."`
	// ClipNorm bounds the norm of what a worker contributes to a round, its mean gradient:
	// a longer one is scaled down to it. So no step is of a longer one.
	ClipNorm float64 `yaml:"clip_norm" json:"clip_norm,omitempty" jsonschema:"minimum=0,maximum=1e9" jsonschema_description:"Largest norm of a worker's mean gradient in a round, to which longer ones are scaled down; none by default."`
	// Schedule changes the rate from round to round: cosine lets it fall to 0 at the
	// end, along half a cosine, step multiplies it by step_factor every step_every
	// epochs. Rules with local steps and ftrl have a constant rate.
	Schedule string `yaml:"schedule" json:"schedule,omitempty" jsonschema:"enum=constant,enum=cosine,enum=step" jsonschema_description:"How the rate changes: constant (the default), cosine (falls to 0 at the last round) or step."`
	// Warmup is the number of epochs in which the rate rises to where it begins, evenly.
	Warmup float64 `yaml:"warmup" json:"warmup,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"Epochs, or a part of one, in which the rate rises evenly from 0; none by default."`
	// StepEvery is the number of epochs after which the schedule step lowers the rate.
	StepEvery int `yaml:"step_every" json:"step_every,omitempty" jsonschema:"minimum=1,maximum=1000000" jsonschema_description:"Epochs between two steps of the schedule step; 10 by default."`
	// StepFactor is what the schedule step multiplies the rate by.
	StepFactor float64 `yaml:"step_factor" json:"step_factor,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1" jsonschema_description:"What each step of the schedule step multiplies the rate by; 0.1 by default."`
	// Momentum is the share of the last step that the next one goes on with, of
	// momentum: 0 is none, 0.9 multiplies steady progress by 10.
	Momentum float64 `yaml:"momentum" json:"momentum,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"Share of the last step that the next one goes on with, for momentum; 0.9 by default."`
	// Nesterov looks ahead by the momentum (Nesterov's accelerated gradient).
	Nesterov bool `yaml:"nesterov" json:"nesterov,omitempty" jsonschema_description:"Whether momentum looks ahead, as Nesterov's does; not by default."`
	// Beta1 is the decay a round of adam's mean of the gradients.
	Beta1 float64 `yaml:"beta1" json:"beta1,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"Decay of the mean of the gradients, for adam; 0.9 by default."`
	// Beta2 is the decay a round of adam's mean of the squared gradients.
	Beta2 float64 `yaml:"beta2" json:"beta2,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1" jsonschema_description:"Decay of the mean of the squared gradients, for adam; 0.999 by default."`
	// Epsilon is added to the root of adam's mean of the squared gradients.
	Epsilon float64 `yaml:"epsilon" json:"epsilon,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1" jsonschema_description:"Added to what a step of adam is divided by; 1e-8 by default."`
	// Beta smooths ftrl's rates: a key's first steps are rate/(beta + |g|).
	Beta float64 `yaml:"beta" json:"beta,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1e9" jsonschema_description:"Added to what a step of ftrl is divided by; 1 by default."`
}

// rates are the rates of the update rules when a job gives none: those that divide
// by a key's history start with larger steps. Of momentum, adam and ftrl they do
// well on a9a, from few rounds of large batches to many of small ones. lbfgs finds
// its steps itself.
var rates = map[string]float64{"adagrad": 0.5, "sgd": 0.05, "momentum": 0.1, "adam": 0.03, "ftrl": 0.5, "lbfgs": 1}

// deepRates are the rates of mlp: those of its peers.
var deepRates = map[string]float64{"adagrad": 0.01, "sgd": 0.1, "momentum": 0.01, "adam": 0.001}

// TakesGradients reports whether the servers step with the gradients of rounds, at a
// rate that may change: neither with what local steps have changed, nor by ftrl's sums.
func (j *Job) TakesGradients() bool {
	switch j.Optimizer.Kind {
	case "momentum", "adam":
		return true
	case "sgd", "adagrad":
		return j.Model.IsDeep()
	}
	return false
}

// FullBatch reports whether each step is of all training rows.
func (j *Job) FullBatch() bool { return j.Optimizer.Kind == "lbfgs" }

// knobs are the keys of one update rule each, with their defaults. Where 0 is
// outside of the bounds, it must be noticed in a job that was not parsed too:
// there it cannot be told from a key that was left out.
var knobs = []struct {
	key, kind string
	fallback  float64
	positive  bool
}{
	{key: "momentum", kind: "momentum", fallback: 0.9}, {key: "nesterov", kind: "momentum"},
	{key: "beta1", kind: "adam", fallback: 0.9}, {key: "beta2", kind: "adam", fallback: 0.999},
	{key: "epsilon", kind: "adam", fallback: 1e-8, positive: true}, {key: "beta", kind: "ftrl", fallback: 1, positive: true},
}
