"""Which key holder an installation uses, and what each kind needs to be told."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

type Kind = Literal["file", "pkcs11", "aws-kms"]

KINDS: tuple[Kind, ...] = ("file", "pkcs11", "aws-kms")


@dataclass(frozen=True, slots=True)
class HolderSettings:
    """One holder. What its kind does not need is empty.

    - `file`: a file of 32 bytes; None is the one in the data folder
    - `pkcs11_module`: the token's library; `pkcs11_token` and `pkcs11_key`: labels; `pkcs11_pin_file`: holds the user's PIN
    - `aws_kms_key`: the key's ARN. Credentials come from where AWS's own tools take them
    """

    kind: Kind = "file"
    file: Path | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_key: str = ""
    pkcs11_pin_file: Path | None = field(default=None, repr=False)
    aws_kms_key: str = ""

    @property
    def shown(self) -> str:
        """Fit for a screen."""
        match self.kind:
            case "file":
                return f"file {self.file}" if self.file else "file in the data folder"
            case "pkcs11":
                return f"PKCS#11 token {self.pkcs11_token}, key {self.pkcs11_key}"
            case "aws-kms":
                return f"AWS KMS {self.aws_kms_key}"
