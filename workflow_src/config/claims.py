"""What the claims of the paper are judged on in a preset: its roles, and the models behind them."""

from collections.abc import Iterator

from workflow_src.config.preset import Preset, RuntimeBenchmarkSpec
from workflow_src.config.shown import DatasetRoleSpec, ModelsSpec
from workflow_src.errors import UserError
from workflow_src.specs.claims import ClaimsSpec, ModelProperties, RoleSpec
from workflow_src.specs.section import AbstractSection


def role_names(preset: Preset) -> dict[str, str]:
    """The experiment or benchmark behind each role that the preset fills: dotted key -> name."""
    return {role: name for role, name, _ in _roles(preset)}


def claims_spec(preset: Preset) -> ClaimsSpec:
    """What the step that judges the claims receives."""
    roles = {role: _role_spec(preset, name, models) for role, name, models in _roles(preset)}
    return ClaimsSpec(preset=preset.preset, compute=preset.compute, roles=roles)


def check_claims(preset: Preset) -> None:
    """Refuse an extra experiment that does not train what its claims compare."""
    if name := preset.claims.solvers:
        found = {one.solver for one in _role_spec(preset, name, ()).models.values()}
        for solver in ("deer", "sequential"):
            if solver not in found:
                raise UserError(f"claims.solvers: {name} trains no model by {solver}; add one to its models")
    if name := preset.claims.singular_values:
        strengths = [one.singular_value_strength for one in _role_spec(preset, name, ()).models.values()]
        for kind, there in (("without", 0 in strengths), ("with", any(strengths))):
            if not there:
                raise UserError(
                    f"claims.singular_values: {name} trains no model {kind} singular_value_strength; add one to its "
                    "models"
                )


def _roles(preset: Preset) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Role, the experiment or benchmark that it names, and the models that it shows; none means all."""
    for section, shown in (("figures", preset.figures), ("tables", preset.tables)):
        for target, roles in shown:
            if roles is not None and not isinstance(roles, DatasetRoleSpec):
                yield from _target(f"{section}.{target}", roles)
    yield from _target("claims", preset.claims)


def _target(key: str, roles: AbstractSection) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if isinstance(roles, ModelsSpec):
        yield key, roles.experiment, roles.models
        return
    for role, value in roles:
        if isinstance(value, AbstractSection):
            yield from _target(f"{key}.{role}", value)
        elif value is not None:
            yield f"{key}.{role}", value, ()


def _role_spec(preset: Preset, name: str, models: tuple[str, ...]) -> RoleSpec:
    benchmark = preset.benchmarks.get(name)
    if benchmark is None:
        owner = f"experiments.{name}"
    elif isinstance(benchmark, RuntimeBenchmarkSpec):
        owner = f"benchmarks.{name}"
    else:
        owner = f"experiments.{benchmark.experiment}"
    protocol = preset.protocols()[owner]
    chosen = {model: _properties(preset, owner, model) for model in models or protocol.models}
    return RoleSpec(obs_dim=preset.datasets[protocol.dataset].obs_dim, models=chosen)


def _properties(preset: Preset, owner: str, model: str) -> ModelProperties:
    sizes, training = preset.models[model], preset.training_of(owner, model)
    return ModelProperties(
        architecture=getattr(sizes, "architecture"),  # noqa: B009 - every member of the union has it, the base not
        latent_dim=getattr(sizes, "latent_dim", None),
        rank=getattr(sizes, "rank", None),
        solver=training.solver,
        mar_strength=training.mar_strength,
        singular_value_strength=training.singular_value_strength,
    )
