"""The two key services, each started once in a session, when a test first asks for it."""

import os
from collections.abc import Iterator

import pytest

from tests.keys.key_services import KeyService, SoftHsm, key_service, soft_hsm


@pytest.fixture(scope="session")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    with soft_hsm(tmp_path_factory.mktemp("hsm")) as started:
        # Read by the library when it is loaded into this process.
        os.environ.update(started.environment)
        try:
            yield started
        finally:
            for name in started.environment:
                del os.environ[name]


@pytest.fixture(scope="session")
def kms() -> Iterator[KeyService]:
    with key_service() as started:
        before = dict(os.environ)
        os.environ.update(started.environment)
        try:
            yield started
        finally:
            for name in started.environment:
                if name in before:
                    os.environ[name] = before[name]
                else:
                    del os.environ[name]
