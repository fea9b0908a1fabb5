"""How the clouds say no: every error code the seeds document, the gateways' own, and both vendors' error bodies."""

from typing import Any

type Table = dict[str, tuple[int, str]]

# ListCustomImages, ListContainerImages and AddImage seeds. Where two seeds word one code differently, EHPC_2023 has
# AddImage's.
EHPC: Table = {
    "InvalidParams": (400, "The specified parameter %s is invalid."),
    "InvalidContainerType": (400, "Unsupported container type: %s."),
    "ImageNotFound": (404, "The specified image does not exist."),
    "LoginNotFound": (404, "The specified login node does not exist."),
    "AliyunError": (406, "An Alibaba Cloud product error occurred."),
    "EcsError": (406, "An error occurred while calling the ECS API operation."),
    "DbError": (406, "A database service error occurred."),
    "ExecFail": (406, "Failed to execute the command: %s."),
    "AgentError": (406, "The agent service request failed."),
    "NotAuthorized": (407, "You are not authorized by RAM for this request."),
    "UnknownError": (500, "An unknown error occurred."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server"),
    "InDebt": (400, "Your account has overdue payments."),
    "NotEnabled": (400, "You have not enabled this service."),
}
EHPC_2023: Table = EHPC | {
    "ImageAlreadyExists": (400, "The image id already exists."),
    "ImageInUse": (403, "Image is still used by jobs."),
    "DbError": (406, "A database error occurred."),
    "NotAuthorized": (407, "No authorization is granted."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
}
# DescribeImageInfos seed, its spelling included. InDebt and NotEnabled are not documented for ENS; they are AddImage's.
ENS: Table = {
    "MissingParameter": (
        400,
        "The input parameter domainName that is mandatory for processing this request is not supplied.",
    ),
    "InstanceIdNotFound": (400, "The input parameter instancdId that is not found."),
    "NoPermission": (400, "Permission denied."),
    "CallInterface": (400, "Call Interface Happen Error."),
    "InvalidParameter": (400, "The specified field %s invalid. Please check it again."),
    "InDebt": EHPC["InDebt"],
    "NotEnabled": EHPC["NotEnabled"],
}
# Alibaba's gateway answers these before any product is asked (its list of common error codes).
ALIBABA_GATEWAY: Table = {
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "MissingAccessKeyId": (400, "AccessKeyId is mandatory for this action."),
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidAccessKeyId.Inactive": (400, "Specified access key is disabled."),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "SignatureDoesNotMatch": (400, "Specified signature is not matched with our calculation."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "MissingSecurityToken": (400, "SecurityToken is mandatory for this action."),
    "InvalidSecurityToken.Malformed": (400, "Specified SecurityToken is malformed."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "InternalError": (500, "The request processing has failed due to some unknown error."),
}
# Huawei's seed documents the statuses and leaves the codes to "See Error Codes"; WKS.* are Workspace's, APIGW.* its
# gateway's.
HUAWEI: Table = {
    "WKS.00010001": (400, "The request parameter %s is invalid."),
    "APIGW.0301": (401, "Incorrect IAM authentication information: %s"),
    "APIGW.0101": (404, "The API does not exist or has not been published in the environment"),
    "APIGW.0106": (405, "Method Not Allowed"),
    "APIGW.0308": (
        429,
        "The throttling threshold has been reached: policy user over ratelimit,limit:100,time:1 minute",
    ),
    "WKS.00010002": (403, "Policy doesn't allow workspace:images:list to be performed."),
    "WKS.00010003": (403, "The account is in arrears."),
    "WKS.00010004": (403, "The Workspace service is not enabled."),
    "WKS.00010005": (404, "The requested resource does not exist."),
    "WKS.00010006": (500, "Internal service error."),
    "WKS.00010007": (503, "The service is unavailable."),
}
BY_STATUS_HUAWEI = {status: code for code, (status, _) in reversed(HUAWEI.items())}


class Refusal(Exception):
    """The cloud refuses: an HTTP status, the vendor's code and its text. Becomes the vendor's own error body."""

    def __init__(self, vendor: str, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.vendor, self.status, self.code, self.message = vendor, status, code, message

    def body(self, request_id: str) -> dict[str, Any]:
        if self.vendor == "huawei":
            return {"error_code": self.code, "error_msg": self.message, "request_id": request_id}
        return {
            "RequestId": request_id,
            "HostId": "simulated.aliyuncs.com",
            "Code": self.code,
            "Message": self.message,
            "Recommend": f"https://api.aliyun.com/troubleshoot?q={self.code}",
        }


def refusal(table: Table, code: str, detail: str = "") -> Refusal:
    """The documented refusal with this code; `detail` fills the %s of its text."""
    status, text = table[code]
    vendor = "huawei" if table is HUAWEI else "alibaba"
    shown = f"{code}.{detail}" if table is ENS and code == "InvalidParameter" else code
    return Refusal(vendor, status, shown, text % detail if "%s" in text else text)


def described(vendor: str, code: str) -> tuple[int, str]:
    """Status and text of any known code of a vendor, for a fault that names only the code; else 500."""
    tables = (HUAWEI,) if vendor == "huawei" else (EHPC_2023, ENS, ALIBABA_GATEWAY)
    for table in tables:
        if code in table:
            status, text = table[code]
            return status, text.replace("%s", "simulated")
    return 500, code
