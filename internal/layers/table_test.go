package layers

// module is the path of this module, and what its own imports start with.
const module = "parley"

// layers says where each package of the module stands. Imports go strictly
// down: from a layer to one whose name sorts before its own. Packages of one
// layer do not know each other. A new package needs a line here: put it as low
// as its imports allow.
var layers = map[string]string{
	// Vocabulary, arithmetic and the wire: they import nothing of ours.
	"internal/param":   "0",
	"internal/linalg":  "0",
	"proto/parley/v1":  "0",
	"internal/decimal": "0",
	"internal/table":   "0",

	"internal/linalg/parallel": "0",
	"internal/linalg/gemm":     "0b", // with the kernels that linalg says

	// Plain data and update rules.
	"internal/batch":   "1a",
	"internal/job":     "1a",
	"internal/metric":  "1a",
	"ps/optim":         "1a",
	"internal/text":    "1a",
	"internal/wire":    "1a",
	"internal/plan":    "1b", // follows from a job, and names rows of batches
	"internal/feature": "1c", // follows from a job, and makes rows of batches

	"internal/profile": "1d", // sums up the features of a dataset in its manifest

	// The formats of data, each on its own.
	"datashard/libsvm":     "1c",
	"datashard/vw":         "1c",
	"datashard/csv":        "1c",
	"datashard/jsonl":      "1c",
	"datashard/bow":        "1c",
	"datashard/idx":        "1c",
	"datashard/columnar":   "1c",
	"datashard/npz":        "1c",
	"datashard/blockcache": "1c",

	// Cores and models: stepped, without sockets, clocks or chance.
	"ps":                   "2",
	"datashard":            "2",
	"datashard/survey":     "2b", // looks through datasets
	"datashard/parsebench": "2b",
	"datashard/convert":    "2b",
	"coordinator":          "2",
	"trainer/linear":       "2",
	"trainer/softmax":      "2",
	"trainer/fm":           "2",
	"trainer/lsi":          "2",
	"trainer/mlp":          "2",
	"internal/artifact":    "2",
	"internal/export":      "2b", // writes models for other tools
	"internal/explain":     "2b", // says what models have learned
	"trainer":              "3",

	// What drivers stand on.
	"internal/rpc":        "4",
	"internal/source":     "4",
	"internal/cluster":    "4",
	"internal/checkpoint": "4",
	"internal/httpapi":    "4",

	// Drivers: they own time, network and goroutines of their core.
	"ps/psserver":             "5a",
	"ps/psclient":             "5a",
	"ps/psbench":              "5b",
	"coordinator/coordserver": "5a",
	"trainer/trainserver":     "5a",
	"internal/agent":          "5b", // wires the drivers and cores of one node together
	"internal/client":         "5b", // what the command line asks a cluster

	// Assembly, and what is built of it.
	"internal/node": "6",
	"cmd/parley":    "7",
	"internal/sim":  "7",
}

// drivers is the lowest layer whose packages may know time, network and wire.
const drivers = "4"

// A ban keeps imports out of packages although the layers would allow them.
// Paths of this module are written without its name; a path stands for the
// packages below it too.
type ban struct {
	imports string
	applies func(pkg string) bool
	reason  string
}

var bans = []ban{
	{"ps", in("trainer", "trainer/linear", "trainer/softmax", "trainer/fm", "datashard", "coordinator"),
		"servers know parameters alone: declare the small interface that you need, internal/node wires it"},
	{"trainer", in("ps", "ps/optim", "datashard", "coordinator"),
		"trainers turn batches into contributions: declare the small interface that you need, internal/node wires it"},
	{"datashard", in("ps", "ps/optim", "trainer", "trainer/linear", "trainer/softmax", "trainer/fm", "trainer/mlp", "coordinator"),
		"data comes as batches and manifests (internal/batch, internal/plan): declare the small interface that you need, internal/node wires it"},
	{"coordinator", in("ps", "ps/optim", "trainer", "trainer/linear", "trainer/softmax", "trainer/fm", "datashard"),
		"no gradient, parameter or row passes through the coordinator, and nobody below calls it"},
	{"proto/parley/v1", wireless, "generated types stay at the edge: a core has types of its own, its driver converts"},
	{"google.golang.org/grpc", wireless, "gRPC belongs to drivers (layer 5 and up) and to internal/rpc"},
	{"google.golang.org/protobuf", wireless, "protobuf belongs to drivers (layer 5 and up) and to internal/rpc"},
	{"net", cores, "a core is stepped: its driver owns the network"},
	{"os/signal", except("cmd/parley"), "only the command line handles signals; everything else has a context"},
	{"math/rand", cores, "chance comes from (seed, purpose, position), as in internal/plan"},
	{"C", everywhere, "the binary is static: no cgo"},

	// The simulation drives cores under one event heap.
	{"internal/node", in("internal/sim"), "the simulation is of cores alone: ps, trainer, coordinator and what they stand on"},
	{"internal/agent", in("internal/sim"), "the simulation is of cores alone: ps, trainer, coordinator and what they stand on"},
	{"internal/client", in("internal/sim"), "the simulation is of cores alone: ps, trainer, coordinator and what they stand on"},
	{"internal/rpc", in("internal/sim"), "the simulation has a network of its own"},
	{"internal/cluster", in("internal/sim"), "the simulation has a membership of its own"},
	{"ps/psserver", in("internal/sim"), "drivers have clocks and goroutines: a seed would not replay a run"},
	{"ps/psclient", in("internal/sim"), "drivers have clocks and goroutines: a seed would not replay a run"},
	{"trainer/trainserver", in("internal/sim"), "drivers have clocks and goroutines: a seed would not replay a run"},
	{"coordinator/coordserver", in("internal/sim"), "drivers have clocks and goroutines: a seed would not replay a run"},
	{"datashard", in("internal/sim"), "the simulation makes its rows: files would make it slow and less repeatable"},
}

// A use of a name that packages may not mention.
type forbidden struct {
	importPath string
	names      []string
	applies    func(pkg string) bool
	reason     string
}

var forbiddenUses = []forbidden{
	{"time", []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}, cores,
		"a core is stepped: its driver owns the clock and passes the time in"},
	{"os", []string{"Exit"}, except("cmd/parley"), "only the command line ends the process: return an error"},
	{"log", []string{"Fatal", "Fatalf", "Fatalln"}, everywhere, "only the command line ends the process: return an error"},
}

// excepted lists the uses that are right where they are, as "package name", and
// why. A line that is not needed any more is a fault.
var excepted = map[string]string{
	"datashard/parsebench time.Now":   "a benchmark measures time",
	"datashard/parsebench time.Since": "a benchmark measures time",
}

// A third-party module, who may import it, and why it is there at all.
// docs/adr/0001-dependencies.md says more.
type dependency struct {
	path   string
	users  func(pkg string) bool
	reason string
}

var dependencies = []dependency{
	{"github.com/hashicorp/memberlist", in("internal/cluster"), "gossip membership, behind one package"},
	{"google.golang.org/grpc", not(wireless), "all that is between processes"},
	{"google.golang.org/protobuf", not(wireless), "the messages of gRPC"},
	{"google.golang.org/genproto/googleapis/rpc", in("internal/rpc"), "error details that carry a kind over the wire"},
	{"github.com/spf13/cobra", in("cmd/parley"), "subcommands and flags"},
	{"golang.org/x/term", in("cmd/parley"), "is this a terminal, and how wide"},
	{"go.yaml.in/yaml", in("internal/job", "cmd/parley"), "the job file with line numbers"},
	{"github.com/invopop/jsonschema", in("internal/job"), "the schema of the job file from its types"},
	{"github.com/klauspost/compress", in("datashard", "datashard/convert", "internal/rpc", "internal/checkpoint"), "zstd, and a faster gzip"},
	{"github.com/google/renameio", in("internal/artifact", "internal/checkpoint", "coordinator/coordserver", "cmd/parley"), "files that are replaced in one step"},
	{"github.com/zeebo/xxh3", in("datashard", "internal/wire"), "hashes rows and key lists at memory speed"},
	{"github.com/twmb/murmur3", in("internal/text", "internal/feature", "datashard/vw", "datashard"), "the hash of features that scikit-learn and Vowpal Wabbit use"},
	{"github.com/apache/arrow-go/v18", in("datashard/columnar", "datashard/blockcache"), "Arrow IPC files"},
	{"github.com/parquet-go/parquet-go", in("datashard/columnar"), "Parquet files"},
	{"github.com/minio/minio-go/v7", in("internal/source"), "objects in S3"},
	{"gorgonia.org/gorgonia", in("trainer/mlp"), "differentiates the expression of a network"},
	{"gorgonia.org/tensor", in("trainer/mlp"), "shapes and types of gorgonia's values"},
	{"github.com/chewxy/hm", in("trainer/mlp"), "types of gorgonia's operations"},
	{"github.com/prometheus/client_golang", in("internal/httpapi"), "metrics, and what the Go runtime and the process say of themselves"},
	{"golang.org/x/sync", except("internal/param", "internal/linalg", "proto/parley/v1"), "groups of goroutines that end together"},
	{"golang.org/x/sys", in("internal/artifact", "internal/linalg", "internal/linalg/gemm"), "renames that exchange, and what the processor can do"},
}

// testDependencies may be imported by tests of any package, beside what the
// package itself may.
var testDependencies = []string{
	"github.com/google/go-cmp",
	"go.uber.org/goleak",
	"github.com/santhosh-tekuri/jsonschema",
}

func in(names ...string) func(string) bool {
	return func(pkg string) bool {
		for _, name := range names {
			if pkg == name {
				return true
			}
		}
		return false
	}
}

func not(f func(string) bool) func(string) bool { return func(pkg string) bool { return !f(pkg) } }

func except(names ...string) func(string) bool { return not(in(names...)) }

func everywhere(string) bool { return true }

// cores are the packages that are free of sockets, clocks and chance.
func cores(pkg string) bool { return layers[pkg] < drivers }

// wireless are the packages that know nothing of gRPC.
func wireless(pkg string) bool {
	return layers[pkg] < "5" && pkg != "internal/rpc" && pkg != "proto/parley/v1"
}
