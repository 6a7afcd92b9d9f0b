"""What the clients of other languages ask: small real model files."""

from tests.client.test_clients import several  # noqa: F401 - a fixture
from tests.serving.test_real_model import file  # noqa: F401 - a fixture
