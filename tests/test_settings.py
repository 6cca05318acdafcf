"""Settings come from the environment, each with its source; a bad one is refused by name and never shown."""

from datetime import timedelta
from pathlib import Path

import pytest

from adapters.keys.settings import HolderSettings
from adapters.settings import SettingRefused, Settings

SECRET = "correct-horse-battery"
URL = f"postgresql://keeper:{SECRET}@db.example.org:5433/record"


def shown(settings: Settings) -> dict[str, tuple[str, str]]:
    return {name: (value, source) for name, value, source in settings.explained()}


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.read({"HOME": "/home/amal"})
    assert settings.data == Path("/home/amal/.local/share/accompany")
    assert (settings.host, settings.port) == ("127.0.0.1", 8017)
    assert settings.time_zone.key == "Europe/Berlin"
    assert settings.log_level == "info"
    assert (settings.database_url, settings.key_holder, settings.otlp_endpoint) == (None, HolderSettings(), None)
    assert settings.next_key_holder is None
    assert {source for _, _, source in settings.explained()} == {"default"}


def test_the_data_folder_follows_the_desktop_standard() -> None:
    assert Settings.read({"HOME": "/home/amal", "XDG_DATA_HOME": "/srv/share"}).data == Path("/srv/share/accompany")
    assert Settings.read({"HOME": "/h", "XDG_DATA_HOME": "not/absolute"}).data == Path("/h/.local/share/accompany")
    assert Settings.read({}).data == Path.cwd() / "accompany-data"


def test_the_environment_is_taken_and_named_as_the_source() -> None:
    settings = Settings.read(
        {
            "ACCOMPANY_DATA": "/srv/record",
            "ACCOMPANY_HOST": "::1",
            "ACCOMPANY_PORT": "0",
            "ACCOMPANY_KEY_HOLDER": "file",
            "ACCOMPANY_KEY_FILE": "/run/secrets/key",
            "ACCOMPANY_TIME_ZONE": "Europe/Vienna",
            "ACCOMPANY_PROOF_HOURS": "6",
            "ACCOMPANY_LOG_ORIGIN": "example.org/accompany",
            "ACCOMPANY_WITNESS_POLICY": "/srv/witnesses",
            "ACCOMPANY_TIMESTAMP_URL": "https://time.example.org/tsr",
            "ACCOMPANY_OTLP_ENDPOINT": "http://collector:4318/",
            "ACCOMPANY_LOG_LEVEL": "WARNING",
            "DATABASE_URL": URL,
            "ACCOMPANY_KEYS_DATABASE_URL": URL,
        }
    )
    assert (settings.data, settings.host, settings.port) == (Path("/srv/record"), "::1", 0)
    assert settings.key_holder == HolderSettings("file", Path("/run/secrets/key"))
    assert settings.time_zone.key == "Europe/Vienna"
    assert settings.otlp_endpoint == "http://collector:4318"
    assert settings.log_level == "warning"
    assert settings.prove_every == timedelta(hours=6)
    assert settings.log_origin == "example.org/accompany"
    assert settings.witness_policy == Path("/srv/witnesses")
    assert settings.timestamp_url == "https://time.example.org/tsr"
    assert settings.database_url == settings.keys_database_url == URL
    assert {source for _, _, source in settings.explained()} == {"environment"}


def test_an_empty_variable_counts_as_unset() -> None:
    settings = Settings.read({"ACCOMPANY_PORT": " ", "DATABASE_URL": "", "DATABASE_URL_FILE": "", "ACCOMPANY_PROT": ""})
    assert settings.port == 8017
    assert settings.database_url is None
    assert settings.unknown == ()


def test_a_relative_data_folder_is_fixed_where_the_command_started() -> None:
    assert Settings.read({"ACCOMPANY_DATA": "record"}).data == Path.cwd() / "record"


def test_the_common_telemetry_variable_stands_in_for_ours() -> None:
    common = {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://common.example.org"}
    assert Settings.read(common).otlp_endpoint == "https://common.example.org"
    ours = Settings.read(common | {"ACCOMPANY_OTLP_ENDPOINT": "https://ours.example.org"})
    assert ours.otlp_endpoint == "https://ours.example.org"


def test_the_telemetry_endpoint_is_shown_with_the_variable_that_gave_it() -> None:
    settings = Settings.read({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://common.example.org"})
    assert shown(settings)["OTEL_EXPORTER_OTLP_ENDPOINT"] == ("https://common.example.org", "environment")
    assert "ACCOMPANY_OTLP_ENDPOINT" not in shown(settings)


def test_the_database_url_comes_from_a_secret_file(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text(URL + "\n")
    settings = Settings.read({"DATABASE_URL_FILE": str(secret)})
    assert settings.database_url == URL
    assert shown(settings)["DATABASE_URL"] == ("host=db.example.org port=5433 dbname=record user=keeper", "file")


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"postgresql://db.example.org/record?user=keeper&password={SECRET}",
        f"host=db.example.org dbname=record user=keeper password={SECRET}",
        f"postgresql://db.example.org/record?sslpassword={SECRET}",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    settings = Settings.read({"DATABASE_URL": url})
    assert "db.example.org" in shown(settings)["DATABASE_URL"][0]
    assert SECRET not in repr(settings) + str(settings.explained())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ACCOMPANY_PORT", "65536"),
        ("ACCOMPANY_PORT", "-1"),
        ("ACCOMPANY_PORT", "8_017"),
        ("ACCOMPANY_PORT", "٨٠١٧"),
        ("ACCOMPANY_PORT", "9" * 5000),
        ("ACCOMPANY_HOST", "two words"),
        ("ACCOMPANY_DATA", "~nobody-of-this-name/record"),
        ("ACCOMPANY_TIME_ZONE", "Europe/Atlantis"),
        ("ACCOMPANY_TIME_ZONE", "Africa"),
        ("ACCOMPANY_TIME_ZONE", "../etc/passwd"),
        ("ACCOMPANY_TIME_ZONE", "/etc/passwd"),
        ("ACCOMPANY_OTLP_ENDPOINT", "collector:4318"),
        ("ACCOMPANY_OTLP_ENDPOINT", f"https://user:{SECRET}@collector"),
        ("ACCOMPANY_OTLP_ENDPOINT", f"https://collector?token={SECRET}"),
        ("ACCOMPANY_OTLP_ENDPOINT", "https://collector:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector"),
        ("ACCOMPANY_PROOF_HOURS", "0"),
        ("ACCOMPANY_PROOF_HOURS", "169"),
        ("ACCOMPANY_LOG_LEVEL", "loud"),
        ("DATABASE_URL", f"keeper:{SECRET}@db.example.org"),
        ("DATABASE_URL", f"mysql://keeper:{SECRET}@db.example.org/record"),
        ("DATABASE_URL", f"postgresql://keeper:{SECRET}@db.example.org/record?colour=blue"),
        ("DATABASE_URL_FILE", "/nowhere/at-all"),
    ],
)
def test_a_bad_value_is_refused_by_its_name_alone(name: str, value: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        Settings.read({name: value})
    assert refused.value.fields == (name,)
    assert str(refused.value).startswith(f"{name} ")
    assert value not in str(refused.value)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is refused.value.__context__ is None


def test_every_bad_value_is_named_at_once() -> None:
    with pytest.raises(SettingRefused) as refused:
        Settings.read({"ACCOMPANY_PORT": "many", "ACCOMPANY_TIME_ZONE": "Mars/Olympus"})
    assert refused.value.fields == ("ACCOMPANY_PORT", "ACCOMPANY_TIME_ZONE")


def test_a_secret_file_that_holds_no_url_is_refused_without_its_text(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    for content in (SECRET.encode(), b"", b"\xff\xfe\x00"):
        secret.write_bytes(content)
        with pytest.raises(SettingRefused) as refused:
            Settings.read({"DATABASE_URL_FILE": str(secret)})
        assert refused.value.fields == ("DATABASE_URL_FILE",)
        assert SECRET not in str(refused.value)


def test_two_places_for_one_secret_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text(URL)
    with pytest.raises(SettingRefused, match="both set"):
        Settings.read({"DATABASE_URL": URL, "DATABASE_URL_FILE": str(secret)})


def test_a_mistyped_variable_is_pointed_out_by_name() -> None:
    settings = Settings.read({"ACCOMPANY_PROT": SECRET, "ACCOMPANY_REQUIRE_POSTGRES_15": "1"})
    assert settings.explained()[-1] == (
        "ACCOMPANY_PROT",
        "unknown, not used; did you mean ACCOMPANY_PORT?",
        "environment",
    )
    assert settings.unknown == ("ACCOMPANY_PROT",)
    assert SECRET not in str(settings.explained())


def test_a_key_holder_says_what_it_still_needs() -> None:
    with pytest.raises(SettingRefused) as refused:
        Settings.read(
            {"ACCOMPANY_KEY_HOLDER": "pkcs11", "ACCOMPANY_PKCS11_TOKEN": "t", "ACCOMPANY_NEXT_KEY_HOLDER": "aws-kms"}
        )
    assert refused.value.fields == (
        "ACCOMPANY_PKCS11_MODULE",
        "ACCOMPANY_PKCS11_KEY",
        "ACCOMPANY_PKCS11_PIN_FILE",
        "ACCOMPANY_NEXT_AWS_KMS_KEY",
    )
    with pytest.raises(SettingRefused, match="must be file, pkcs11 or aws-kms"):
        Settings.read({"ACCOMPANY_KEY_HOLDER": "vault"})


def test_a_token_is_named_with_all_that_it_needs_and_its_pin_is_in_a_file() -> None:
    token = {
        "ACCOMPANY_KEY_HOLDER": "pkcs11",
        "ACCOMPANY_PKCS11_MODULE": "/usr/lib/softhsm/libsofthsm2.so",
        "ACCOMPANY_PKCS11_TOKEN": "accompany",
        "ACCOMPANY_PKCS11_KEY": "2026",
        "ACCOMPANY_PKCS11_PIN_FILE": "/run/secrets/pin",
        "ACCOMPANY_NEXT_KEY_FILE": "/run/secrets/next",
    }
    settings = Settings.read(token)
    assert settings.key_holder.pkcs11_pin_file == Path("/run/secrets/pin")
    assert settings.next_key_holder == HolderSettings("file", Path("/run/secrets/next"))
    names = {name: value for name, value, source in settings.explained() if source == "environment"}
    assert names == token | {"ACCOMPANY_KEY_HOLDER": "pkcs11"}
    assert settings.unknown == ()
