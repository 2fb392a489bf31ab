"""A pytest plugin (``-p tests.property.no_shrinking``): hypothesis fails with the first example it finds."""

from hypothesis import Phase, settings

settings.register_profile("no_shrinking", phases=(Phase.explicit, Phase.generate))
settings.load_profile("no_shrinking")
