"""From a request to a reply: whose API, who signed, which faults, which answer; and a record of every call."""

import hashlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

import orjson

from tests.clouds import alibaba, faults, huawei
from tests.clouds.calls import Call, Listed
from tests.clouds.credentials import Credential
from tests.clouds.errors import ALIBABA_GATEWAY, Refusal, refusal
from tests.clouds.faults import Fault
from tests.clouds.signatures import Keys, check_alibaba, check_huawei
from tests.clouds.variants import Document
from tests.clouds.wire import Reply, Request
from tests.clouds.world import IDENTITY, World

RECORDED = 20_000
NONCES = 200_000
WRITES = ("AddImage", "RemoveImage")
LISTING_OF = {
    "ListCustomImages": "alibaba_ehpc_custom",
    "ListContainerImages": "alibaba_ehpc_container",
    "ListClusters": "alibaba_ehpc_clusters",
    "DescribeImageInfos": "alibaba_ens_public",
    "DescribeSelfImages": "alibaba_ens_self",
}


def listing_of(call: Call) -> str | None:
    """The listing an operation reads, None for those that read none. Both vendors have a ListImages."""
    if call.operation == "ListImages":
        return "huawei_workspace" if call.vendor == "huawei" else "alibaba_ehpc_registered"
    return LISTING_OF.get(call.operation)


class Service:
    """The clouds behind the wire. One thread (the server's loop) calls it; it keeps no locks."""

    def __init__(self, world: World, credentials: Iterable[Credential], latency: float = 0.0) -> None:
        self.world, self.latency = world, latency
        self.keys: Keys = {(credential.vendor, credential.key): credential for credential in credentials}
        self.faults: list[Fault] = []
        self.records: deque[dict[str, Any]] = deque(maxlen=RECORDED)
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def answer(self, request: Request) -> Reply:
        """The reply to a request of a cloud API."""
        is_huawei = request.path != "/"
        request_id = huawei.request_id() if is_huawei else alibaba.request_id()
        record: dict[str, Any] = {"at": time.time(), "vendor": "huawei" if is_huawei else "alibaba"}
        self.records.append(record)
        try:
            credential = self._check(request, record)
            call = (
                huawei.read_call(self.world, request, credential)
                if is_huawei
                else alibaba.read_call(request, credential)
            )
            record |= _recorded(call)
            reply = self._perform(call, request_id, record)
        except Refusal as no:
            record["error"] = no.code
            reply = Reply(no.status, orjson.dumps(no.body(request_id)))
        reply.headers["X-Request-Id" if is_huawei else "x-acs-request-id"] = request_id
        reply.delay += self.latency
        record["status"] = reply.cut or reply.status
        return reply

    def _check(self, request: Request, record: dict[str, Any]) -> Credential:
        operation = request.header("x-acs-action") or huawei.operation_of(request.path)
        record |= {"operation": operation or request.path, "signature": "ok"}
        try:
            if request.path != "/":
                credential = check_huawei(request, self.keys, time.time())
            else:
                if not request.header("x-acs-action"):
                    raise refusal(ALIBABA_GATEWAY, "InvalidAction.NotFound")
                credential = check_alibaba(request, self.keys, time.time(), self._new_nonce)
        except Refusal as no:
            record["signature"] = no.code
            raise
        record["key"] = credential.key
        return credential

    def _new_nonce(self, nonce: str) -> bool:
        if not nonce or nonce in self._nonces:
            return False
        self._nonces[nonce] = None
        if len(self._nonces) > NONCES:
            self._nonces.popitem(last=False)
        return True

    def _perform(self, call: Call, request_id: str, record: dict[str, Any]) -> Reply:
        listing = None if call.operation in WRITES else self._run(call)
        fault = self._fault(call, isinstance(listing, Listed) and listing.last)
        if fault is None:
            return _reply(self._run(call) if listing is None else listing)
        record["fault"] = fault.id
        if fault.shift:
            self._shift(call, fault.shift)
        if fault.apply and call.operation in WRITES:
            done = self._run(call)
            return faults.spoil_reply(fault, call, lambda: _reply(done), request_id)
        return faults.spoil_reply(fault, call, lambda: self._spoilt(fault, call), request_id)

    def _spoilt(self, fault: Fault, call: Call) -> Reply:
        answer = self._run(faults.spoil_call(fault, call))
        if isinstance(answer, Listed):
            faults.spoil_listed(fault, answer)
        return _reply(answer)

    def _run(self, call: Call) -> Listed | Document:
        if call.vendor == "huawei":
            return (
                huawei.list_images(self.world, call)
                if call.size is not None
                else huawei.list_projects(self.world, call)
            )
        return alibaba.OPERATIONS[call.version, call.operation](self.world, call)

    def _fault(self, call: Call, last: bool) -> Fault | None:
        return next((fault for fault in self.faults if fault.fits(call, last) and fault.take()), None)

    def _shift(self, call: Call, how: str) -> None:
        name = listing_of(call)
        if name is not None:
            cluster = call.cluster if name == "alibaba_ehpc_container" else None
            self.world.listing(name, call.region, cluster).shift(IDENTITY[name], how)


def _reply(answer: Listed | Document) -> Reply:
    return answer.reply() if isinstance(answer, Listed) else Reply(body=orjson.dumps(answer))


def _recorded(call: Call) -> dict[str, Any]:
    """What `GET /_control/requests` tells of a call. A registry password is only ever a hash, so that a test can know
    it arrived.
    """
    parameters: dict[str, Any] = dict(call.parameters)
    for name in ("ContainerImageSpec", "VMImageSpec"):
        if name in parameters:
            parameters[name] = _without_password(parameters[name])
    return {
        "operation": call.operation,
        "version": call.version,
        "region": call.region,
        "cluster": call.cluster,
        "page": call.number,
        "offset": call.offset,
        "parameters": parameters,
    }


def _without_password(text: str) -> Any:
    try:
        spec = orjson.loads(text)
    except orjson.JSONDecodeError:
        return f"not JSON, {len(text)} characters"
    credential = spec.get("RegistryCredential") if isinstance(spec, dict) else None
    if isinstance(credential, dict) and "Password" in credential:
        digest = hashlib.sha256(str(credential["Password"]).encode()).hexdigest()
        spec["RegistryCredential"] = credential | {"Password": f"sha256:{digest}"}
    return spec
