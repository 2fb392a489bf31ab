"""Sounds for tests: a buzzing voice made of harmonics in syllables, line noise, silence. int16 mono."""

import numpy as np

RATE_HZ = 8000


def voice(ms, rate_hz=RATE_HZ, peak=8000, pitch_hz=120, seed=0):
    """Vowel-like: harmonics under two formants, one syllable every 200 ms that never falls quite silent."""
    t = np.arange(ms * rate_hz // 1000) / rate_hz
    wave = np.zeros_like(t)
    for harmonic in range(1, int(3400 / pitch_hz)):
        hz = harmonic * pitch_hz
        gain = np.exp(-(((hz - 500) / 300) ** 2)) + 0.5 * np.exp(-(((hz - 1500) / 400) ** 2)) + 0.02
        wave += gain * np.sin(2 * np.pi * hz * t + harmonic * (seed + 1))
    wave *= 0.55 - 0.45 * np.cos(2 * np.pi * t / 0.2)
    return (wave / np.abs(wave).max() * peak).astype(np.int16)


def noise(ms, rate_hz=RATE_HZ, rms=100, seed=1):
    return np.random.default_rng(seed).normal(0, rms, ms * rate_hz // 1000).astype(np.int16)


def silent(ms, rate_hz=RATE_HZ):
    return np.zeros(ms * rate_hz // 1000, np.int16)


def joined(*parts):
    return np.concatenate(parts)
