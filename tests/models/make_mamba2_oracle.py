"""Makes data/mamba2_oracle.npz: outputs and gradients of an independent Mamba-2 layer, for test_mamba2.py.

The layer is the PyTorch reference of Hugging Face transformers, in single precision, with one group and random weights
away from their initial values. It runs in an environment of its own, which nothing else needs:

    uv venv oracle --python 3.11
    uv pip install -p oracle/bin/python torch==2.13.0 transformers==5.23.0 numpy
    oracle/bin/python tests/models/make_mamba2_oracle.py
"""

from pathlib import Path

import numpy as np
import torch
from transformers import Mamba2Config
from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

LENGTH = 75  # two of our chunks and a rest, four of the layer's and a rest


def main() -> None:
    torch.manual_seed(0)
    config = Mamba2Config(
        hidden_size=8,
        expand=2,
        head_dim=4,
        num_heads=4,
        state_size=6,
        n_groups=1,
        conv_kernel=4,
        chunk_size=16,
        use_bias=False,
        use_conv_bias=True,
        num_hidden_layers=1,
    )
    layer = Mamba2Mixer(config, layer_idx=0).eval()
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            scale = {"dt_bias": 1.0, "A_log": 1.0, "D": 1.0, "norm.weight": 0.5}.get(name, 0.4)
            weight.copy_(scale * torch.randn(weight.shape) + (1.0 if name == "norm.weight" else 0.0))
    x = torch.randn(1, LENGTH, config.hidden_size, requires_grad=True)
    direction = torch.randn(1, LENGTH, config.hidden_size)
    output = layer(x)
    torch.sum(output * direction).backward()

    arrays = {"input": x, "output": output, "direction": direction, "input.gradient": x.grad}
    for name, weight in layer.named_parameters():
        arrays |= {name: weight, f"{name}.gradient": weight.grad}
    np.savez_compressed(
        Path(__file__).parent / "data" / "mamba2_oracle.npz",
        **{name: array.detach().squeeze().numpy() for name, array in arrays.items()},
    )


if __name__ == "__main__":
    main()
