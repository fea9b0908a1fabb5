"""What is asked of AddImage, checked against its seed; what only looks wrong is a warning."""

import dataclasses

import pytest

from catalog.registration_spec import MASK, Spec, preview, validate_spec, warnings

VM = {"type": "vm", "name": "app-image", "image_id": "m-bp1akkkr1rkxtb******"}
# Every parameter of the AddImage seed with the seed's own example values.
SEED_CONTAINER = {
    "type": "container",
    "name": "app-image",
    "version": "V1.0",
    "description": "应用测试镜像。",
    "registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
    "is_acr": True,
    "is_acr_enterprise": True,
    "registry_cri_id": "cri-xyz795ygf8k9****",
    "registry_server": "registry-vpc.cn-hangzhou.aliyuncs.com",
    "registry_user": "username",
    "registry_password": "userpassword",
}
CONTAINER = {"type": "container", "name": "app", "registry_url": "quay.io/team/app:1"}


def spec(document) -> Spec:
    found, errors = validate_spec(document)
    assert found is not None, errors
    return found


def errors(document) -> dict[str, str]:
    found, wrong = validate_spec(document)
    assert found is None and wrong
    for message in wrong.values():
        assert message.endswith((".", "}.")) and "\n" not in message
    return wrong


def test_the_seeds_own_vm_example_passes_unchanged():
    assert spec({**VM, "version": "V1.0", "description": "应用测试镜像。"}) == Spec(
        type="vm", name="app-image", version="V1.0", description="应用测试镜像。", image_id="m-bp1akkkr1rkxtb******"
    )


def test_the_seeds_own_container_example_passes_unchanged():
    given = {name: value for name, value in SEED_CONTAINER.items() if name != "registry_password"}
    assert spec(SEED_CONTAINER) == Spec(**given)


def test_the_password_never_becomes_part_of_the_spec():
    assert "userpassword" not in repr(spec(SEED_CONTAINER))
    assert not any("password" in field.name for field in dataclasses.fields(Spec))


@pytest.mark.parametrize("document", [None, [], "vm", 7, True, [VM]])
def test_what_is_no_object_is_refused(document):
    assert list(errors(document)) == [""]


@pytest.mark.parametrize("name", ["Name", "imageId", "registry_passwd", "state", "", "x" * 1000])
def test_an_unknown_key_is_refused_and_named(name):
    assert name[:60] in errors({**VM, name: "x"})


@pytest.mark.parametrize("kind", [None, "", "VM", "Container", "singularity", 1, ["vm"]])
def test_the_type_is_vm_or_container(kind):
    assert "type" in errors({**VM, "type": kind})


@pytest.mark.parametrize("name", [None, "", "   ", "\n"])
def test_a_name_is_required(name):
    assert "name" in errors({**VM, "name": name})


def test_a_vm_image_needs_an_image_id_and_a_container_image_a_reference():
    assert list(errors({"type": "vm", "name": "a"})) == ["image_id"]
    assert list(errors({"type": "container", "name": "a"})) == ["registry_url"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registry_url", "quay.io/a/b"),
        ("is_acr", False),
        ("is_acr_enterprise", True),
        ("registry_cri_id", "cri-x"),
        ("registry_server", "quay.io"),
        ("registry_user", "u"),
        ("registry_password", "p"),
    ],
)
def test_a_container_field_does_not_belong_to_a_vm_image(field, value):
    assert list(errors({**VM, field: value})) == [field]


def test_an_image_id_does_not_belong_to_a_container_image():
    assert list(errors({**CONTAINER, "image_id": "m-1"})) == ["image_id"]


def test_fields_of_the_other_type_may_be_there_and_empty():
    assert spec({**VM, "registry_url": "", "registry_password": None, "is_acr": None}) == spec(VM)


@pytest.mark.parametrize(
    "field", ["name", "version", "description", "registry_url", "registry_user", "registry_password"]
)
@pytest.mark.parametrize("value", [1, 1.0, True, ["x"], {"x": 1}])
def test_a_text_is_text(field, value):
    assert field in errors({**CONTAINER, field: value})


@pytest.mark.parametrize("flag", ["is_acr", "is_acr_enterprise"])
@pytest.mark.parametrize("value", ["true", "", 1, 0, []])
def test_a_flag_is_true_or_false(flag, value):
    assert list(errors({**CONTAINER, flag: value})) == [flag]


def test_white_space_around_ids_and_names_is_stripped():
    found = spec({"type": " vm\n", "name": " app ", "version": " 1.0\n", "image_id": "m-bp1akkkr1rkxtb******\n"})
    assert (found.type, found.name, found.version, found.image_id) == ("vm", "app", "1.0", "m-bp1akkkr1rkxtb******")
    assert spec({**CONTAINER, "registry_url": " quay.io/team/app:1\n"}).registry_url == "quay.io/team/app:1"


def test_a_description_and_a_password_stay_as_they_are():
    assert spec({**VM, "description": " two\nlines "}).description == " two\nlines "
    assert validate_spec({**CONTAINER, "registry_password": " a b "})[1] == {}


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x1bb", "a\ud800b", "a\x7fb", "a\x85b"])
@pytest.mark.parametrize("field", ["name", "version", "image_id"])
def test_control_characters_are_refused(field, text):
    assert list(errors({**VM, field: text})) == [field]


def test_a_description_may_have_lines_and_no_other_control_characters():
    assert "description" in errors({**VM, "description": "a\0b"})
    assert spec({**VM, "description": "a\r\n\tb"})


@pytest.mark.parametrize("text", ["a" * 1_000_000, "名" * 501])
def test_a_text_of_any_size_is_refused_by_its_field(text):
    assert list(errors({**VM, "name": text})) == ["name"]


def test_names_in_any_script_pass():
    assert spec({**VM, "name": "气象-预报 🌦"}).name == "气象-预报 🌦"


def test_a_bad_reference_is_told_at_its_field():
    assert errors({**CONTAINER, "registry_url": "https://quay.io/team/app"}) == {
        "registry_url": "Write the reference without https://."
    }


@pytest.mark.parametrize("cri_id", ["xyz", "cri-", "cri", "cri-a b", "CRI-xyz", "cri-实例", "https://cri-xyz"])
def test_an_instance_id_that_is_none_is_told_at_its_field(cri_id):
    assert list(errors({**CONTAINER, "registry_cri_id": cri_id})) == ["registry_cri_id"]


def test_an_image_id_of_several_words_is_none():
    assert list(errors({**VM, "image_id": "centos 7.9"})) == ["image_id"]


def test_every_error_is_told_at_once():
    assert set(errors({"type": "container", "name": "", "registry_url": "A b", "is_acr": "x", "huh": 1})) == {
        "name",
        "registry_url",
        "is_acr",
        "huh",
    }


# What the host tells


@pytest.mark.parametrize(
    ("host", "flags"),
    [
        ("registry.cn-hangzhou.aliyuncs.com", (True, False)),
        ("registry-vpc.cn-hangzhou.aliyuncs.com", (True, False)),
        ("team-registry.cn-hangzhou.cr.aliyuncs.com", (True, True)),
        ("team-registry-vpc.cn-hangzhou.cr.aliyuncs.com", (True, True)),
        ("quay.io", (False, False)),
    ],
)
def test_flags_left_out_are_what_the_host_says(host, flags):
    found = spec({**CONTAINER, "registry_url": f"{host}/team/app:1"})
    assert (found.is_acr, found.is_acr_enterprise) == flags


@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize(
    "host", ["registry.cn-hangzhou.aliyuncs.com", "t-registry.cn-hangzhou.cr.aliyuncs.com", "quay.io"]
)
def test_flags_given_are_sent_as_given_whatever_the_host(host, flags):
    found = spec({**CONTAINER, "registry_url": f"{host}/a/b", "is_acr": flags[0], "is_acr_enterprise": flags[1]})
    assert (found.is_acr, found.is_acr_enterprise) == flags


def test_a_vm_image_has_no_flags():
    assert (spec(VM).is_acr, spec(VM).is_acr_enterprise) == (None, None)


# Warnings


def warned(document, region="cn-hangzhou") -> list[str]:
    return [field for field, _ in warnings(spec(document), region, has_password="registry_password" in document)]


def test_what_fits_together_raises_no_warning():
    acr = "team-registry.cn-hangzhou.cr.aliyuncs.com"
    assert warned({**CONTAINER, "registry_url": f"{acr}/a/b:1", "registry_cri_id": "cri-x"}) == []
    assert warned(VM) == warned(CONTAINER) == []


def test_the_seeds_example_is_warned_of_and_passes():
    """Enterprise and an instance ID on a host that is no Enterprise instance's (PROVIDERS.md 2a)."""
    assert warned(SEED_CONTAINER) == ["is_acr_enterprise"]


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"is_acr": True}, "is_acr"),
        ({"registry_url": "registry.cn-hangzhou.aliyuncs.com/a/b", "is_acr": False}, "is_acr"),
        ({"is_acr_enterprise": True, "registry_cri_id": "cri-x"}, "is_acr_enterprise"),
        (
            {"registry_url": "t-registry.cn-hangzhou.cr.aliyuncs.com/a/b", "is_acr_enterprise": False},
            "is_acr_enterprise",
        ),
        ({"registry_url": "t-registry.cn-hangzhou.cr.aliyuncs.com/a/b"}, "registry_cri_id"),
        ({"registry_cri_id": "cri-x"}, "registry_cri_id"),
        ({"registry_url": "registry.cn-shanghai.aliyuncs.com/a/b"}, "registry_url"),
        ({"registry_user": "u", "registry_password": "p", "registry_server": "ghcr.io"}, "registry_server"),
        ({"registry_password": "p", "registry_server": "quay.io"}, "registry_user"),
        ({"registry_user": "u", "registry_server": "quay.io"}, "registry_password"),
        ({"registry_user": "u", "registry_password": "p"}, "registry_server"),
        ({"registry_server": "quay.io"}, "registry_server"),
    ],
)
def test_what_does_not_fit_together_is_warned_of(fields, warning):
    assert warned({**CONTAINER, **fields}) == [warning]


def test_a_name_longer_than_ecs_allows_is_warned_of():
    assert warned({**VM, "name": "a" * 129}) == ["name"] and warned({**VM, "name": "a" * 128}) == []


@pytest.mark.parametrize(
    ("image_id", "warning"),
    [("m-bp1akkkr1rkxtb", []), ("aliyun_3_x64_20G_alibase_20230110.vhd", []), ("centos", ["image_id"])],
)
def test_what_is_hardly_an_ecs_image_is_warned_of(image_id, warning):
    assert warned({**VM, "image_id": image_id}) == warning


# The preview


def test_the_preview_is_the_call_itself_masked():
    assert preview(spec(SEED_CONTAINER), has_password=True) == [
        ("ImageType", "Container"),
        ("Name", "app-image"),
        ("ImageVersion", "V1.0"),
        ("Description", "应用测试镜像。"),
        ("ContainerImageSpec.RegistryUrl", "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest"),
        ("ContainerImageSpec.IsACRRegistry", "true"),
        ("ContainerImageSpec.IsACREnterprise", "true"),
        ("ContainerImageSpec.RegistryCriId", "cri-xyz795ygf8k9****"),
        ("ContainerImageSpec.RegistryCredential.Server", "registry-vpc.cn-hangzhou.aliyuncs.com"),
        ("ContainerImageSpec.RegistryCredential.UserName", "username"),
        ("ContainerImageSpec.RegistryCredential.Password", MASK),
    ]


def test_the_preview_leaves_out_what_is_not_sent():
    assert preview(spec(VM)) == [
        ("ImageType", "VM"),
        ("Name", "app-image"),
        ("VMImageSpec.ImageId", "m-bp1akkkr1rkxtb******"),
    ]
