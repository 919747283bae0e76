"""A model that rivulet trained, in PyTorch: its weights go through load_state_dict as they are.

    npx rivulet train book.txt --cell lstm --embedding 64 --out book.safetensors
    python3 examples/to_pytorch.py book.safetensors "It was "
"""
import json
import struct
import sys

import torch


def read_safetensors(path):
    """Tensors by name, and the metadata; the safetensors package's load_file does the same."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[start:end], dtype=torch.float32).reshape(entry["shape"])
    return tensors, metadata


class LanguageModel(torch.nn.Module):
    """The same network, from the description that rivulet keeps in the metadata."""

    def __init__(self, c):
        super().__init__()
        V, E, H = c["vocabularySize"], c["embeddingSize"], c["hiddenSize"]
        self.V = V
        if E:
            self.embedding = torch.nn.Embedding(V, E)
        options = dict(nonlinearity=c["activation"]) if c["cell"] == "rnn" else {}
        kind = dict(rnn=torch.nn.RNN, gru=torch.nn.GRU, lstm=torch.nn.LSTM)[c["cell"]]
        self.rnn = kind(E or V, H, c["layers"], dropout=c["dropout"], **options)
        self.output = torch.nn.Linear(H, V)
        if c.get("tied"):
            self.output.weight = self.embedding.weight

    def forward(self, ids, state=None):
        e = self.embedding(ids) if hasattr(self, "embedding") else torch.nn.functional.one_hot(ids, self.V).float()
        y, state = self.rnn(e, state)
        return self.output(y), state


def load(path):
    """The model, ready for use, and its vocabulary: a token for each id."""
    tensors, metadata = read_safetensors(path)
    description = json.loads(metadata["rivulet"])
    model = LanguageModel(description["network"])
    if description["network"].get("tied"):
        tensors["output.weight"] = tensors["embedding.weight"]
    model.load_state_dict(tensors)
    return model.eval(), description["vocabulary"]


if __name__ == "__main__":
    path, prompt = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else " "
    model, vocabulary = load(path)
    unknown = [character for character in prompt if character not in vocabulary]
    if unknown or not prompt:
        sys.exit(f"the prompt expected characters that the model knows, got {unknown or 'none'}")
    ids = [vocabulary.index(character) for character in prompt]
    with torch.no_grad():
        logits, state = model(torch.tensor(ids).unsqueeze(1))
        for _ in range(200):
            probabilities = torch.softmax(logits[-1, 0] / 0.7, 0)
            ids.append(int(torch.multinomial(probabilities, 1)))
            logits, state = model(torch.tensor([[ids[-1]]]), state)
    print("".join(vocabulary[i] for i in ids))
