"""What people do where a secret is typed, in a browser; each act returns where it ended."""

import json
from collections.abc import Iterator
from itertools import count

import requests

from accounts.models import CloudAccount
from catalog.models import ConnectionTest, Image, Registration, Removal
from tests.canaries.browser import Browser
from tests.canaries.planted import Garden
from tests.waiting import wait_until

REGISTRY = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
IN_WORK = ("queued", "running", "pending", "sending")
# No two registrations of a run have the same name: the cloud would refuse the second.
_numbers = count(1)


def container(garden: Garden) -> dict[str, str]:
    """A container image of a name that was not asked for yet, as its form and its spec take it."""
    control, number = garden.control.text, next(_numbers)
    return {
        "type": "container",
        "name": f"solver-{control}-{number}",
        "version": str(number),
        "description": f"Built for {control}",
        "registry_url": f"{REGISTRY}/hpc/solver:{number}",
        "registry_cri_id": "cri-xyz795ygf8k9",
        "registry_server": REGISTRY,
        "registry_user": "robot",
        "registry_password": garden.password.text,
    }


def connect(browser: Browser, *, vendor: str = "alibaba", name: str, button: str = "save") -> requests.Response:
    """Connect a cloud account by its form."""
    garden = browser.stage.garden
    credential = garden.alibaba if vendor == "alibaba" else garden.huawei
    region = "cn-hangzhou" if vendor == "alibaba" else "cn-north-4"
    browser.get(f"/t/aero/accounts/add/?vendor={vendor}")
    return browser.send(name=name, regions=region, **credential, **{button: "1"})


def connect_after_a_mistake(browser: Browser, name: str) -> None:
    """The credential is typed once: a name is lacking, then it is tested, then saved."""
    connect(browser, name="", button="test")
    browser.send(name=name, test="1")
    wait_until(lambda: not ConnectionTest.objects.exclude(state="done").exists())
    browser.get(browser.at)
    browser.send(name=name, save="1")


def replace(browser: Browser, account: CloudAccount, **filled: str) -> requests.Response:
    """Replace the credential of an account by the same one."""
    garden = browser.stage.garden
    browser.get(f"/t/aero/accounts/{account.id}/edit/")
    return browser.send(**(garden.alibaba if account.vendor == "alibaba" else garden.huawei), **filled)


def review(browser: Browser, account: CloudAccount, **filled: str) -> requests.Response:
    """Fill in the form of a registration, up to its review."""
    browser.get("/t/aero/registrations/add/")
    spec = container(browser.stage.garden) | {"account": str(account.id), "region": "cn-hangzhou", "step": "review"}
    return browser.send(**(spec | filled))


def register(browser: Browser, account: CloudAccount) -> requests.Response:
    """From the form to the review, back to the form, to the review again, and away with it."""
    review(browser, account)
    browser.send(step="edit")
    browser.send(step="review")
    answer = browser.send(step="send")
    assert browser.stage.garden.control.text in answer.text and "/add/" not in browser.at, browser.page
    return answer


def remove(browser: Browser, image: Image) -> requests.Response:
    """Remove a registered image from its cloud, its name typed."""
    browser.get(f"/t/aero/images/{image.id}/remove/")
    return browser.send(confirm=image.name)


def batch_file(garden: Garden, rows: int = 2) -> str:
    """The first row with its password, the others with one that is asked for at the review."""
    images = [container(garden) | {"region": "cn-hangzhou"} for _ in range(rows)]
    for place, image in enumerate(images):
        password = image.pop("registry_password")
        image |= {"registry_password": garden.row_password.text} if place == 0 else {"registry_user": "builder"}
        assert password not in image.values()
    return json.dumps(images)


def as_csv(garden: Garden, *, header: bool = True) -> str:
    """One image as a row; without its header nobody knows which cell is the password."""
    image = container(garden) | {"registry_password": garden.row_password.text.replace('"', '""')}
    return "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in ([list(image)] if header else []) + [
        list(image.values())
    ])  # fmt: skip


def batch(browser: Browser, account: CloudAccount, text: str) -> requests.Response:
    """A file of registrations, up to its review or its errors."""
    browser.get("/t/aero/registrations/many/")
    return browser.send(account=str(account.id), region="cn-hangzhou", text=text)


def confirm(browser: Browser) -> requests.Response:
    """The batch of this page, with a password for each login that asks for one."""
    fields = [line.split('"')[1] for line in browser.page.split('type="password" name=')[1:]]
    return browser.send(**dict.fromkeys(fields, browser.stage.garden.login_password.text), count=_count(browser.page))


def _count(page: str) -> str:
    return page.partition('name="count" value="')[2].partition('"')[0]


def every_secret_form(browser: Browser, account: CloudAccount) -> Iterator[requests.Response]:
    """All of these forms, sent one after another whatever comes of each."""
    garden = browser.stage.garden
    yield connect(browser, name=f"Edge {garden.control.text} {next(_numbers)}")
    yield connect(browser, name=f"Edge {garden.control.text} {next(_numbers)}", button="test")
    yield connect(browser, vendor="huawei", name=f"Edge {garden.control.text} {next(_numbers)}")
    yield replace(browser, account)
    yield review(browser, account)
    yield browser.send(step="send") if 'name="token"' in browser.page else review(browser, account)
    yield batch(browser, account, batch_file(garden))
    yield confirm(browser) if 'name="count"' in browser.page else batch(browser, account, as_csv(garden))


def is_idle() -> bool:
    """Whether everything that a worker was asked for has come to an end."""
    return not any(rows.objects.filter(state__in=IN_WORK).exists() for rows in (Registration, Removal, ConnectionTest))
