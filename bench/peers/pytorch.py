# PyTorch as a peer: see ../peer.mjs for the protocol. Its argument is the number of threads.
import ctypes
import json
import math
import os
import re
import sys
import time

threads = int(sys.argv[1])
# OpenBLAS has threads of its own, whose number PyTorch does not set.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(threads)

import torch

clock = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter
torch.set_num_threads(threads)


def blas():
    """The BLAS library in use, which is known once it has multiplied a matrix; None for the reference implementation."""
    torch.randn(64, 64) @ torch.randn(64, 64)
    mkl = re.search(r"Math Kernel Library Version (\S+?)-", torch.__config__.show())
    if mkl:
        return f"MKL {mkl[1]}"
    try:
        maps = open("/proc/self/maps").read()
    except OSError:
        return "unknown"  # not Linux
    openblas = re.search(r"/\S*openblas\S*", maps)
    if openblas:
        # Debian's libblas.so.3 is OpenBLAS under another name, without its own functions.
        try:
            library = ctypes.CDLL("libopenblas.so.0")
            library.openblas_get_config.restype = library.openblas_get_corename.restype = ctypes.c_char_p
            version = library.openblas_get_config().decode().split()[1]
            return f"OpenBLAS {version} with its kernels for {library.openblas_get_corename().decode()}"
        except (OSError, AttributeError):
            return "OpenBLAS"
    return "BLIS" if re.search(r"/libblis", maps) else None


def about():
    onednn = re.search(r"MKL-DNN v(\S+)", torch.__config__.show())
    found = blas()
    return dict(
        version=torch.__version__.split("+")[0],
        threads=threads,
        about=", ".join(filter(None, [found, onednn and f"oneDNN {onednn[1]}"])),
        slow=None if found else "WITHOUT AN OPTIMIZED BLAS: its ratios say nothing (Debian: apt-get install libopenblas0-pthread)",
    )



class LanguageModel(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        V, E, H = c["vocabularySize"], c["embeddingSize"], c["hiddenSize"]
        self.V = V
        if E:
            self.embedding = torch.nn.Embedding(V, E)
        self.rnn = getattr(torch.nn, c["cell"].upper())(E or V, H, c["layers"])
        self.output = torch.nn.Linear(H, V)

    def forward(self, x, state):
        e = self.embedding(x) if hasattr(self, "embedding") else torch.nn.functional.one_hot(x, self.V).float()
        y, state = self.rnn(e, state)
        return self.output(y), state


def detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def slice_of(floats, shape, offset):
    return floats[offset:offset + math.prod(shape)].reshape(shape)


class Bench:
    def load(self, load):
        c = self.c = load["configuration"]
        self.model = LanguageModel(c)
        floats = torch.from_file(load["file"], size=os.path.getsize(load["file"]) // 4)
        self.model.load_state_dict({n: slice_of(floats, **w) for n, w in load["weights"].items()})
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=load["learningRate"])
        self.clip = load["clip"]
        self.x = torch.tensor(load["inputs"]).reshape(c["T"], c["B"])
        self.y = torch.tensor(load["targets"])
        self.state = None
        with torch.no_grad():
            o, _ = self.model(self.x, None)
            loss = torch.nn.functional.cross_entropy(o.reshape(-1, c["vocabularySize"]), self.y)
        return dict(loss=float(loss))

    def train(self, steps):
        V = self.c["vocabularySize"]
        self.model.train()
        start = clock()
        for _ in range(steps):
            o, state = self.model(self.x, self.state)
            loss = torch.nn.functional.cross_entropy(o.reshape(-1, V), self.y)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimizer.step()
            self.state = detached(state)
        return dict(seconds=clock() - start)

    def generate(self, tokens):
        self.model.eval()
        with torch.no_grad():
            x, state = torch.zeros((1, 1), dtype=torch.long), None
            start = clock()
            for _ in range(tokens):
                o, state = self.model(x, state)
                x = torch.multinomial(torch.softmax(o[-1], -1), 1).view(1, 1)
            return dict(seconds=clock() - start)


bench = Bench()
print(json.dumps(about()), flush=True)
for line in sys.stdin:
    ((name, argument),) = json.loads(line).items()
    print(json.dumps(getattr(bench, name)(argument)), flush=True)
