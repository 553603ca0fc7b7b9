"""Power-spectrum Hellinger distance: known spectra, dull orbits, and what it must not depend on."""

import numpy as np
import pytest

from workflow_src.metrics.power_spectrum import power_spectrum, spectral_density, spectrum_distance

SMOOTHING = 5e-4


def wave(*frequencies: float, steps: int = 4000, phase: float = 0.3) -> np.ndarray:
    """Sums of sinusoids, one component."""
    time = np.arange(steps)
    return sum(np.sin(2 * np.pi * f * time + phase) for f in frequencies)[:, None]


def noise(steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((steps, 2))


# --- closed forms -----------------------------------------------------------------------------------------------------


def test_equal_spectra_have_no_distance_whatever_their_phases():
    assert spectrum_distance(wave(0.05, 0.12), wave(0.05, 0.12), smoothing=SMOOTHING) == 0
    turned = wave(0.05, 0.12, phase=2.0)
    assert spectrum_distance(wave(0.05, 0.12), turned, smoothing=SMOOTHING) == pytest.approx(0, abs=1e-6)


def test_spectra_without_a_common_frequency_are_at_distance_one():
    assert spectrum_distance(wave(0.05), wave(0.12), smoothing=SMOOTHING) == pytest.approx(1, abs=1e-3)


def test_a_line_in_two_is_at_the_distance_of_half_the_power():
    """Common part sqrt(1/2): D_H = sqrt(1 - sqrt(1/2))."""
    found = spectrum_distance(wave(0.05, 0.12), wave(0.05), smoothing=SMOOTHING)
    assert found == pytest.approx(np.sqrt(1 - np.sqrt(0.5)), abs=1e-3)


def test_lines_closer_than_the_smoothing_are_those_of_two_gaussians():
    """D_H^2 = 1 - exp(-d^2 / (8 s^2)) of two Gaussians of width s at distance d."""
    found = spectrum_distance(wave(0.1), wave(0.1 + SMOOTHING), smoothing=SMOOTHING)
    assert found == pytest.approx(np.sqrt(1 - np.exp(-1 / 8)), abs=0.01)


def test_it_is_the_mean_over_components():
    truth = np.hstack([wave(0.05), wave(0.05)])
    generated = np.hstack([wave(0.05), wave(0.12)])
    assert spectrum_distance(truth, generated, smoothing=SMOOTHING) == pytest.approx(0.5, abs=1e-3)


# --- what it does not depend on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-200, 7.0, 1e200])
def test_scale_and_mean_do_not_count(scale: float):
    orbit = noise(2000)
    expected = spectrum_distance(noise(2000, 1), orbit, smoothing=0.01)
    assert spectrum_distance(noise(2000, 1), scale * (orbit + 3), smoothing=0.01) == pytest.approx(expected, rel=1e-9)


def test_orbits_are_cut_to_the_shorter_one():
    truth, generated = noise(1000), noise(1500, 1)
    expected = spectrum_distance(truth, generated[:1000], smoothing=0.01)
    assert spectrum_distance(truth, generated, smoothing=0.01) == expected
    assert spectrum_distance(generated, truth, smoothing=0.01) == pytest.approx(expected, rel=1e-12)


def test_the_smoothing_is_a_frequency_and_not_a_number_of_bins():
    widths = []
    for steps in (2000, 8000):
        frequencies, power = np.fft.rfftfreq(steps), power_spectrum(wave(0.1, steps=steps), 0.004)[:, 0]
        widths.append(np.sqrt((power * (frequencies - 0.1) ** 2).sum()))
    assert widths == pytest.approx([0.004, 0.004], rel=0.02)


def test_noise_of_one_kind_is_closer_the_more_it_is_smoothed():
    rough, smooth = (spectrum_distance(noise(4000), noise(4000, 1), smoothing=width) for width in (1e-4, 1e-2))
    assert rough > 0.3
    assert smooth < 0.08


# --- dull orbits ------------------------------------------------------------------------------------------------------


def test_an_orbit_at_rest_has_no_frequency_in_common():
    still = np.full((4000, 1), 0.7)
    assert spectrum_distance(wave(0.1), still, smoothing=SMOOTHING) == 1
    half = np.hstack([wave(0.1), still])
    assert spectrum_distance(np.hstack([wave(0.1)] * 2), half, smoothing=SMOOTHING) == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_diverged_orbit_has_none(bad: float):
    orbit = noise(500)
    orbit[300, 1] = bad
    for steps in (500, 200):
        assert np.isnan(spectrum_distance(noise(steps, 1), orbit, smoothing=SMOOTHING))


def test_one_point_is_refused():
    with pytest.raises(ValueError, match="two points"):
        power_spectrum(np.ones((1, 2)), SMOOTHING)


# --- for figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [2000, 2001])
def test_a_density_has_unit_area_and_its_peak_at_the_frequency(steps: int):
    frequencies = np.linspace(0, 0.5, 501)
    density = spectral_density(wave(0.1, steps=steps), 0.004, frequencies)
    assert density.shape == (501, 1)
    assert density.sum() * 0.001 == pytest.approx(1, abs=0.01)
    assert frequencies[density[:, 0].argmax()] == pytest.approx(0.1)
    assert density.max() == pytest.approx(1 / (0.004 * np.sqrt(2 * np.pi)), rel=0.02)
