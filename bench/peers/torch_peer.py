# PyTorch on one thread, as a peer: see ../peer.mjs for what it reads and answers.
import json
import math
import os
import sys
import time

import torch

torch.set_num_threads(1)


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
        start = time.perf_counter()
        for _ in range(steps):
            o, state = self.model(self.x, self.state)
            loss = torch.nn.functional.cross_entropy(o.reshape(-1, V), self.y)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            self.optimizer.step()
            self.state = detached(state)
        return dict(seconds=time.perf_counter() - start)

    def generate(self, tokens):
        self.model.eval()
        with torch.no_grad():
            x, state = torch.zeros((1, 1), dtype=torch.long), None
            start = time.perf_counter()
            for _ in range(tokens):
                o, state = self.model(x, state)
                x = torch.multinomial(torch.softmax(o[-1], -1), 1).view(1, 1)
            return dict(seconds=time.perf_counter() - start)


bench = Bench()
# A product large enough to tell an optimized BLAS from the reference one.
a = torch.randn(512, 512)
a @ a
start = time.perf_counter()
for _ in range(5):
    a @ a
gflops = 5 * 2 * 512**3 / (time.perf_counter() - start) / 1e9
print(json.dumps(dict(version=torch.__version__, gflops=gflops)), flush=True)
for line in sys.stdin:
    ((name, argument),) = json.loads(line).items()
    print(json.dumps(getattr(bench, name)(argument)), flush=True)
