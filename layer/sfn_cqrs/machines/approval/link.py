"""Links by which one person may decide on one approval, without signing in.

A link carries who may decide on what and until when, and a signature over that. It opens
nothing else. Each approver decides once, so a link that has been used decides nothing more.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass

from sfn_cqrs.kernel.errors import ExpiredError, InvalidLinkError
from sfn_cqrs.kernel.keys import ApprovalKey
from sfn_cqrs.kernel.values import canonical

_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    """The content of a link; `group` is the one that makes this person an approver, if any.

    `digest` is that of the content that the person sees.
    `expires` is in epoch seconds.
    """

    key: ApprovalKey
    approver: str
    group: str
    expires: int
    digest: str

    def signed(self, secret: bytes) -> str:
        """Return the text for the link; no two are alike."""
        content = {
            "approver": self.approver,
            "digest": self.digest,
            "expires": self.expires,
            "group": self.group,
            "id": self.key.id,
            "nonce": secrets.token_urlsafe(_NONCE_BYTES),
            "tenant": self.key.tenant,
        }
        payload = _encoded(canonical(content).encode())
        return f"{payload}.{_encoded(_signature(payload, secret))}"

    @classmethod
    def read(cls, text: str, id_: str, secret: bytes, now: float) -> "ApprovalLink":
        """Read a link that was opened for the approval with this id.

        Raises:
            InvalidLinkError: it is not ours, or another approval's.
            ExpiredError: its time is over.
        """
        payload, _, signature = text.partition(".")
        expected = _encoded(_signature(payload, secret))
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise InvalidLinkError("this link was not made here, or not for this approval")
        content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if content["id"] != id_:
            raise InvalidLinkError("this link was not made here, or not for this approval")
        if content["expires"] <= now:
            raise ExpiredError("this link has expired; ask for another one, or sign in")
        key = ApprovalKey.of(content["tenant"], id_)
        return cls(
            key, content["approver"], content["group"], content["expires"], content["digest"]
        )


def _signature(payload: str, secret: bytes) -> bytes:
    return hmac.new(secret, payload.encode("utf-8", "replace"), hashlib.sha256).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
