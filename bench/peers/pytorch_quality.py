# PyTorch's side of ../quality.mjs, on one thread: prints {"seconds", "nats"} every `every` steps and after the last.
import json
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import torch

clock = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter

torch.set_num_threads(1)
torch.manual_seed(1)
settings = json.loads(sys.argv[1])
H, steps, every = settings["hiddenSize"], settings["steps"], settings["every"]
text = open(settings["text"], encoding="utf-8").read()
characters = sorted(set(text))
index = {c: i for i, c in enumerate(characters)}
data = torch.tensor([index[c] for c in text])
V, T, B = len(characters), 64, 32
n = len(data) - round(0.1 * len(data))
train, valid = data[:n], data[n:]


class LanguageModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, 64)
        self.rnn = torch.nn.LSTM(64, H)
        self.output = torch.nn.Linear(H, V)

    def forward(self, x, state):
        y, state = self.rnn(self.embedding(x), state)
        return self.output(y), state


def loss_of(logits, targets):
    return torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))


model = LanguageModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)


def evaluate():
    # The whole held-out text as one stream, carrying the state.
    total, state = 0.0, None
    with torch.no_grad():
        for i in range(0, len(valid) - 1, 512):
            x, y = valid[i:i + 512][:len(valid) - 1 - i], valid[i + 1:i + 513]
            o, state = model(x.unsqueeze(1), state)
            total += float(loss_of(o, y)) * len(y)
    return total / (len(valid) - 1)


length = (n - 1) // B
streams = [train[b * length:b * length + length + 1] for b in range(B)]
stream = torch.stack(streams, 1)
per_epoch = length // T
seconds, state = 0.0, None
for step in range(steps):
    start = clock()
    i = step % per_epoch
    if i == 0:
        state = None
    x, y = stream[i * T:(i + 1) * T], stream[i * T + 1:(i + 1) * T + 1]
    o, state = model(x, state)
    loss = loss_of(o, y)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    state = tuple(s.detach() for s in state)
    seconds += clock() - start
    if (step + 1) % every == 0 or step + 1 == steps:
        print(json.dumps(dict(seconds=seconds, nats=evaluate())), flush=True)
