"""What an error said, in the reader's language: ours always, the cloud's where its documents have both."""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import override

from catalog.errors import explain
from catalog.providers.messages import TEXTS, in_words
from config.home import ROOT

# The error tables of the seeds ListContainerImages and AddImage, word by word but for the width of the punctuation.
SEEDS = [
    ("The specified parameter Cluster is invalid.", "无效的参数：Cluster"),
    ("Unsupported container type: lxc.", "不支持的容器应用类型：lxc"),
    ("The specified login node does not exist.", "指定的登录节点不存在"),
    ("An Alibaba Cloud product error occurred.", "阿里云产品错误"),
    ("A database service error occurred.", "数据库请求失败"),
    ("Failed to execute the command: ls.", "命令执行失败：ls"),
    ("The agent service request failed.", "集群侧命令运行失败"),
    ("You are not authorized by RAM for this request.", "此请求未获得RAM授权"),
    ("An unknown error occurred.", "未知错误"),
    ("The request has failed due to a temporary failure of the server", "请求失败，服务暂时不可用"),
    ("The request has failed due to a temporary failure of the server.", "请求失败，服务暂时不可用"),
    ("The image id already exists.", "镜像已存在"),
    ("Your account has overdue payments.", "您的账户已欠费"),
    ("You have not enabled this service.", "您的账户还未开通此服务"),
    ("Image is still used by jobs.", "镜像仍在使用中"),
    ("The specified image does not exist.", "指定的镜像不存在，请您检查该参数是否正确。"),
    ("An error occurred while calling the ECS API operation.", "ECS API调用出错"),
    ("A database error occurred.", "数据库错误"),
    ("No authorization is granted.", "未授权"),
]
OURS = [
    ("ecs.example.com did not answer within 30 s.", "ecs.example.com 在 30 秒内没有应答。"),
    ("HTTP 404. The answer is a web page, not JSON.", "HTTP 404。应答是网页，不是 JSON。"),
    (
        "The answer does not have the documented shape: Images.ImageInfo is not a list of objects.",
        "应答与文档规定的格式不符：Images.ImageInfo 不是对象列表。",
    ),
    (
        "The answer does not have the documented shape: an item has no ImageId.",
        "应答与文档规定的格式不符：某一项缺少 ImageId。",
    ),
    (
        "The cloud counts 9 images of ehpc-1 and listed 8. It was read twice.",
        "云端统计集群 ehpc-1 有 9 个镜像，列出了 8 个。已读取两次。",
    ),
    (
        "The account has 2 projects named cn-north-4. Give the project id with the credential.",
        "账号中有 2 个名为 cn-north-4 的项目。请在凭证中填写项目 ID。",
    ),
    ("The database has no room left (53100).", "数据库空间不足（53100）。"),
]
MAKERS = ["providers", "applying.py", "completeness.py", "connections.py", "leases.py", "registration.py", "sync.py",
          "writes.py", "removal.py", "actions/outcomes.py"]  # fmt: skip


@pytest.mark.parametrize(("english", "chinese"), [*SEEDS, *OURS])
def test_a_message_is_told_in_the_readers_language(english: str, chinese: str):
    error = {"operation": "ListImages", "code": "X", "kind": "invalid", "message": english, "request_id": "r"}
    with override("zh-hans"):
        assert explain(error).message == chinese
    with override("en"):
        assert explain(error).message == english


@pytest.mark.parametrize(
    "message", ["", "Nobody wrote this.", "配额不足", "%(host)s", "The answer is empty.\n" + "x" * 2000]
)
def test_what_nobody_here_wrote_stays_as_it_came(message: str):
    with override("zh-hans"):
        assert in_words(message) == message


def test_a_value_that_looks_like_a_place_is_only_a_value():
    with override("zh-hans"):
        assert in_words("The specified parameter %(what)s %s is invalid.") == "无效的参数：%(what)s %s"


def test_every_message_that_is_made_here_has_its_text():
    """A sentence in the modules that make errors, whatever a template in it holds."""
    folder = ROOT / "catalog"
    paths = sorted(
        path for name in MAKERS for path in [folder / name, *(folder / name).rglob("*.py")] if path.is_file()
    )
    made = {f"{path.name}:{line}": texts for path in paths for line, texts in sentences(path)}
    assert len(made) > 40, "found where errors are made"
    with override("zh-hans"):
        left = [place for place, texts in made.items() if all(in_words(text) == text for text in texts)]
    assert left == []


def sentences(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The sentences of a module that are neither documentation, nor logged, nor marked for translation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            left_out |= {id(part) for part in ast.walk(node) if part is not node}
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(getattr(node.func, "value", None), "id", "")
            if name in ("_", "logger"):
                left_out |= {id(part) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in left_out and isinstance(node, ast.Constant | ast.JoinedStr):
            texts = _filled(node) if isinstance(node, ast.JoinedStr) else [str(node.value)]
            if any(SENTENCE.fullmatch(text) for text in texts):
                yield node.lineno, texts


# What a template holds: a name or a number, or a part of the sentence.
FILLINGS = ("X1", " of X1", "an unknown key", "has no project", "has no room left")
SENTENCE = re.compile(r"[A-Z].* .*\.", re.DOTALL)


def _filled(text: ast.JoinedStr) -> list[str]:
    ways = itertools.product(FILLINGS, repeat=sum(isinstance(part, ast.FormattedValue) for part in text.values))
    found = []
    for way in map(iter, ways):
        found.append("".join(str(part.value) if isinstance(part, ast.Constant) else next(way) for part in text.values))
    return found


def test_no_text_stands_in_the_table_twice():
    assert len(set(TEXTS)) == len(TEXTS)
