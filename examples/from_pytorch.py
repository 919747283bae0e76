"""A PyTorch model for rivulet: its state_dict as a safetensors file. examples/from-pytorch.mjs reads it.

    python3 examples/from_pytorch.py weights.safetensors && node examples/from-pytorch.mjs weights.safetensors
"""
import json
import struct
import sys

import torch


def write_safetensors(path, tensors):
    """The safetensors package's save_file does the same."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().contiguous().float().numpy().tobytes()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[len(data), len(data) + len(values)])
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


class LanguageModel(torch.nn.Module):
    """The modules under the names that rivulet looks for: embedding, rnn, output."""

    def __init__(self, V, E, H, layers):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, E)
        self.rnn = torch.nn.LSTM(E, H, layers)
        self.output = torch.nn.Linear(H, V)

    def forward(self, ids):
        y, _ = self.rnn(self.embedding(ids))
        return self.output(y)


if __name__ == "__main__":
    # Learns to count: 0 1 2 … 9 0 1 …
    torch.manual_seed(1)
    model = LanguageModel(V=10, E=8, H=16, layers=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    ids = (torch.arange(21).unsqueeze(1) + torch.arange(16)) % 10
    for _ in range(100):
        loss = torch.nn.functional.cross_entropy(model(ids[:-1]).flatten(0, 1), ids[1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    write_safetensors(sys.argv[1], model.state_dict())
    print(f"loss {loss.item():.3f}, saved {sys.argv[1]}")
