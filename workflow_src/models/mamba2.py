"""Mamba-2 with the read-out of the LSSM, App. H.4, Eqs. (72) and (73).

    g, (u, B, C), d = Win x,    (u, B, C) <- silu(causal convolution of (u, B, C)),    Delta = softplus(d + b)
    S_t = exp(-Delta_t e^a) S_{t-1} + Delta_t u_t B_t^T,    y_t = S_t C_t + D u_t        for each head
    block output = Wout RMSNorm(y * silu(g))

Dao & Gu 2024, arXiv 2405.21060. The observation at t - 1 is lifted to the block's input; the block's output is what
is read out at t.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from workflow_src.models.base import AbstractDrivenModel
from workflow_src.models.initialisation import uniform
from workflow_src.models.read_out import ReadOut
from workflow_src.models.ssd import ssd
from workflow_src.specs.model import Mamba2Spec

# That of the original implementation, github.com/state-spaces/mamba.
NORM_EPSILON = 1e-5


class BlockState(NamedTuple):
    """What a block remembers: the inputs that its convolution still needs, and one matrix per head."""

    past: Float[Array, "past convolved"]
    S: Float[Array, "heads channels states"]


class Mamba2State(NamedTuple):
    """State of the whole model: that of the block, and the block's last output, from which predictions are made."""

    block: BlockState
    output: Float[Array, " model"]


class Mamba2Block(eqx.Module):
    """One Mamba-2 block with one group: all heads share B and C."""

    Win: Float[Array, "projected model"]
    Wconv: Float[Array, "convolved width"]
    bconv: Float[Array, " convolved"]
    a: Float[Array, " heads"]
    b: Float[Array, " heads"]
    D: Float[Array, " heads"]
    gain: Float[Array, " inner"]
    Wout: Float[Array, "model inner"]

    @classmethod
    def initialise(cls, spec: Mamba2Spec, *, key: PRNGKeyArray) -> "Mamba2Block":
        """A new block with the ranges of the original implementation."""
        inner = spec.expand * spec.model_dim
        heads = inner // spec.head_dim
        convolved = inner + 2 * spec.state_dim
        width = spec.conv_width
        key_in, key_conv, key_conv_bias, key_decay, key_delta, key_out = jax.random.split(key, 6)
        log_delta = jax.random.uniform(key_delta, (heads,), minval=jnp.log(1e-3), maxval=jnp.log(0.1))
        return cls(
            Win=uniform(key_in, (inner + convolved + heads, spec.model_dim), spec.model_dim**-0.5),
            Wconv=uniform(key_conv, (convolved, width), width**-0.5),
            bconv=uniform(key_conv_bias, (convolved,), width**-0.5),
            a=jnp.log(jax.random.uniform(key_decay, (heads,), minval=1, maxval=16)),
            # Inverse of softplus, so that Delta is log-uniform at zero input.
            b=jnp.log(jnp.expm1(jnp.exp(log_delta))),
            D=jnp.ones(heads),
            gain=jnp.ones(inner),
            Wout=uniform(key_out, (spec.model_dim, inner), inner**-0.5),
        )

    def initial_state(self) -> BlockState:
        """No past: zeros."""
        heads, (inner,) = len(self.a), self.gain.shape
        convolved, width = self.Wconv.shape
        past = jnp.zeros((width - 1, convolved), self.Wconv.dtype)
        return BlockState(past, jnp.zeros((heads, inner // heads, (convolved - inner) // 2), self.Wconv.dtype))

    def step(self, state: BlockState, x: Float[Array, " model"]) -> tuple[BlockState, Float[Array, " model"]]:
        """One recurrent step: the new state and the block's output."""
        gate, signals, delta = self._project(x)
        u, B, C = self._split(self._convolve(state.past, signals[None])[0])
        decay = jnp.exp(self._log_decay(delta))
        S = decay[:, None, None] * state.S + jnp.einsum("h,hp,s->hps", delta, u, B)
        past = jnp.concatenate([state.past, signals[None]])[1:]
        return BlockState(past, S), self._emit(S @ C, u, gate)

    def __call__(self, x: Float[Array, "T model"]) -> Float[Array, "T model"]:
        """The outputs of the recurrent steps from no past, in parallel."""
        gate, signals, delta = jax.vmap(self._project)(x)
        u, B, C = jax.vmap(self._split)(self._convolve(self.initial_state().past, signals))
        y = ssd(jax.vmap(self._log_decay)(delta), delta[:, :, None] * u, B, C)
        return jax.vmap(self._emit)(y, u, gate)

    def _project(
        self, x: Float[Array, " model"]
    ) -> tuple[Float[Array, " inner"], Float[Array, " convolved"], Float[Array, " heads"]]:
        """Gate, signals (u, B, C) before the convolution, and step size Delta."""
        (inner,), (convolved,) = self.gain.shape, self.bconv.shape
        gate, signals, d = jnp.split(self.Win @ x, [inner, inner + convolved])
        return gate, signals, jax.nn.softplus(d + self.b)

    def _convolve(
        self, past: Float[Array, "past convolved"], signals: Float[Array, "T convolved"]
    ) -> Float[Array, "T convolved"]:
        """Causal convolution of each channel with its own filter, then SiLU."""
        T, width = len(signals), self.Wconv.shape[1]
        extended = jnp.concatenate([past, signals])
        filtered = sum(self.Wconv[None, :, k] * extended[k : k + T] for k in range(width))
        return jax.nn.silu(filtered + self.bconv[None])

    def _split(
        self, signals: Float[Array, " convolved"]
    ) -> tuple[Float[Array, "heads channels"], Float[Array, " states"], Float[Array, " states"]]:
        (inner,) = self.gain.shape
        u, B, C = jnp.split(signals, [inner, (inner + len(signals)) // 2])
        return u.reshape(len(self.a), -1), B, C

    def _log_decay(self, delta: Float[Array, " heads"]) -> Float[Array, " heads"]:
        return -delta * jnp.exp(self.a)

    def _emit(
        self, y: Float[Array, "heads channels"], u: Float[Array, "heads channels"], gate: Float[Array, " inner"]
    ) -> Float[Array, " model"]:
        """Skip connection, gate, norm and output projection."""
        gated = (y + self.D[:, None] * u).reshape(-1) * jax.nn.silu(gate)
        return self.Wout @ (self.gain * gated * jax.lax.rsqrt(jnp.mean(gated**2) + NORM_EPSILON))


class Mamba2(AbstractDrivenModel):
    """Lift of the observation, one Mamba-2 block, read-out."""

    obs_dim: int = eqx.field(static=True)
    Wlift: Float[Array, "model N"]
    blift: Float[Array, " model"]
    block: Mamba2Block
    read_out: ReadOut

    @classmethod
    def initialise(cls, spec: Mamba2Spec, obs_dim: int, *, key: PRNGKeyArray) -> "Mamba2":
        """A new model: the block as in the original implementation, the read-out as in Eq. (48)."""
        key_lift, key_lift_bias, key_block, key_read_out = jax.random.split(key, 4)
        return cls(
            obs_dim=obs_dim,
            # ASSUME: a linear lift with bias. The paper does not say how N observations enter a block of width d_model.
            Wlift=uniform(key_lift, (spec.model_dim, obs_dim), obs_dim**-0.5),
            blift=uniform(key_lift_bias, (spec.model_dim,), obs_dim**-0.5),
            block=Mamba2Block.initialise(spec, key=key_block),
            read_out=ReadOut.initialise(spec.model_dim, spec.hidden_dim, obs_dim, key=key_read_out),
        )

    def initial_state(self) -> Mamba2State:
        return Mamba2State(self.block.initial_state(), jnp.zeros_like(self.blift))

    def drive(self, state: Mamba2State, x: Float[Array, " N"]) -> Mamba2State:
        return Mamba2State(*self.block.step(state.block, self._lift(x)))

    def observe(self, state: Mamba2State) -> Float[Array, " N"]:
        return self.read_out(state.output)

    def predict(self, x: Float[Array, "T N"]) -> Float[Array, "T N"]:
        """Predictions of x_1 .. x_T by the parallel pass of the block."""
        # The block runs over x_T too, although only the outputs before T are used: a length that is a multiple of the
        # chunk needs no padding, and T = 1 no case of its own.
        outputs = self.block(jax.vmap(self._lift)(x))
        shifted = jnp.concatenate([jnp.zeros_like(outputs[:1]), outputs[:-1]])
        return jax.vmap(self.read_out)(shifted)

    def _lift(self, x: Float[Array, " N"]) -> Float[Array, " model"]:
        return self.Wlift @ x + self.blift
