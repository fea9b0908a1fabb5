"""What simulated images are made of: systems, software, repositories, words. Weights make them skewed, as real
shelves are.
"""

from typing import NamedTuple


class System(NamedTuple):
    """One operating system in the spellings the products use. `arches` are (value, weight) pairs of x86_64, i386,
    arm64.
    """

    weight: int
    platform: str  # E-HPC OsTag.Platform, ENS self Platform
    version: str
    alibase: str  # start of an Alibaba public image id
    ens_name: str  # ENS OSName; empty where ENS does not offer it
    huawei: str  # Huawei os_version without "64bit"; empty where Workspace does not offer it
    arches: tuple[tuple[str, int], ...] = (("x86_64", 1),)

    @property
    def windows(self) -> bool:
        return self.platform.lower() == "windows"

    @property
    def family(self) -> str:
        return "Windows" if self.windows else "Linux"


_BOTH = (("x86_64", 9), ("arm64", 2))
_OLD = (("x86_64", 8), ("i386", 1))

SYSTEMS = (
    System(3, "CentOS", "6.8", "centos_6_08_64_20G", "centos", "CentOS 6.8", _OLD),
    System(5, "CentOS", "7.2", "centos_7_02_64_20G", "centos", "CentOS 7.2", _OLD),
    System(11, "CentOS", "7.6", "centos_7_06_64_20G", "centos", "CentOS 7.6"),
    System(14, "CentOS", "7.9", "centos_7_9_x64_20G", "centos", "CentOS 7.9", _BOTH),
    System(3, "CentOS", "8.4", "centos_8_4_x64_20G", "centos", "CentOS 8.4", _BOTH),
    System(5, "Alibaba Cloud Linux", "2.1903", "aliyun_2_1903_x64_20G", "", "", _BOTH),
    System(11, "Alibaba Cloud Linux", "3", "aliyun_3_x64_20G", "aliyun", "", _BOTH),
    System(2, "Ubuntu", "16.04", "ubuntu_16_04_x64_20G", "ubuntu", "Ubuntu 16.04 server", _OLD),
    System(4, "Ubuntu", "18.04", "ubuntu_18_04_x64_20G", "ubuntu", "Ubuntu 18.04 server", _BOTH),
    System(8, "Ubuntu", "20.04", "ubuntu_20_04_x64_20G", "ubuntu", "Ubuntu 20.04 server", _BOTH),
    System(12, "Ubuntu", "22.04", "ubuntu_22_04_x64_20G", "ubuntu", "Ubuntu 22.04 server", _BOTH),
    System(4, "Ubuntu", "24.04", "ubuntu_24_04_x64_20G", "ubuntu", "Ubuntu 24.04 server", _BOTH),
    System(2, "Debian", "10.13", "debian_10_13_x64_20G", "debian", "Debian 10.13.0"),
    System(3, "Debian", "12.4", "debian_12_4_x64_20G", "debian", "Debian 12.4.0", _BOTH),
    System(5, "Rocky", "8.8", "rockylinux_8_8_x64_20G", "", "Rocky Linux 8.8", _BOTH),
    System(4, "Rocky", "9.3", "rockylinux_9_3_x64_20G", "", "Rocky Linux 9.3", _BOTH),
    System(2, "AlmaLinux", "9.2", "almalinux_9_2_x64_20G", "", "AlmaLinux 9.2"),
    System(3, "Anolis", "8.8", "anolisos_8_8_x64_20G", "anolis", "", _BOTH),
    System(2, "SUSE", "15 SP4", "sles_15_sp4_x64_20G", "", "SUSE 15 SP4"),
    System(2, "RedHat", "8.6", "redhat_8_6_x64_20G", "", "Redhat 8.6"),
    System(4, "EulerOS", "2.2", "euleros_2_2_x64_20G", "", "EulerOS 2.2"),
    System(5, "EulerOS", "2.5", "euleros_2_5_x64_20G", "", "EulerOS 2.5"),
    System(3, "EulerOS", "2.10", "euleros_2_10_x64_20G", "", "EulerOS 2.10", _BOTH),
    System(4, "openEuler", "22.03", "openeuler_22_03_x64_20G", "openeuler", "openEuler 22.03", _BOTH),
    System(2, "windows", "2012 R2", "win2012r2_9600_x64_dtc_zh-cn_40G", "windows", "Windows Server 2012 R2 Standard"),
    System(5, "windows", "2016", "win2016_1607_x64_dtc_zh-cn_40G", "windows", "Windows Server 2016 Standard"),
    System(9, "windows", "2019", "win2019_1809_x64_dtc_zh-cn_40G", "windows", "Windows Server 2019 Datacenter"),
    System(5, "windows", "2022", "win2022_21H2_x64_dtc_zh-cn_40G", "windows", "Windows Server 2022 Datacenter"),
)
# Desktops only Huawei Workspace lists: (weight, os_type, os_version, arches).
DESKTOPS = (
    (14, "Windows", "Windows 10 Enterprise 64bit", (("x86_64", 1),)),
    (6, "Windows", "Windows 11 Enterprise 64bit", (("x86_64", 1),)),
    (2, "Windows", "Windows 7 Enterprise 32bit", (("i386", 1),)),
    (6, "Linux", "UOS 20 64bit", (("x86_64", 1), ("arm64", 2))),
    (6, "Linux", "Kylin V10 64bit", (("x86_64", 1), ("arm64", 2))),
    (2, "Other", "Other(64 bit) 64bit", (("x86_64", 1),)),
)

SOFTWARE = (
    ("GROMACS", ("2018.8", "2020.7", "2021.4", "2022.6", "2023.3", "2024.1")),
    ("LAMMPS", ("29Oct2020", "23Jun2022", "2Aug2023")),
    ("OpenFOAM", ("v1912", "v2206", "v2306", "v2312")),
    ("NAMD", ("2.14", "3.0b6")),
    ("WRF", ("3.9.1", "4.2", "4.4.2", "4.5.1")),
    ("VASP", ("5.4.4", "6.3.2", "6.4.2")),
    ("QuantumESPRESSO", ("6.8", "7.1", "7.2")),
    ("ABAQUS", ("2020", "2022", "2023HF4")),
    ("Fluent", ("2021R2", "2022R2", "2023R1")),
    ("RELION", ("3.1.4", "4.0.1", "5.0b")),
    ("AmberTools", ("20", "22", "23")),
    ("CP2K", ("8.2", "2023.1")),
    ("Slurm", ("20.11.9", "22.05.10", "23.02.7")),
    ("OpenMPI", ("3.1.6", "4.1.5", "5.0.1")),
    ("IntelMPI", ("2019.9", "2021.10")),
    ("CUDA", ("10.2", "11.4", "11.8", "12.2", "12.4")),
    ("PyTorch", ("1.13.1", "2.0.1", "2.1.2", "2.3.0")),
    ("TensorFlow", ("1.15.5", "2.11.1", "2.14.0")),
    ("Blender", ("2.93", "3.6LTS", "4.0")),
    ("CHESS5V", ("5.0.27", "5.0.31", "5.1.2")),
)
PURPOSES = (
    "气象预报",
    "分子动力学",
    "基因测序",
    "流体仿真",
    "渲染农场",
    "深度学习训练",
    "自动驾驶仿真",
    "生产环境基础镜像",
    "测试环境",
    "登录节点",
    "计算节点",
    "管理节点",
    "办公桌面",
    "设计部桌面",
    "财务桌面",
    "云计算教学",
)
TEAMS = ("genomics", "cfd", "render", "weather", "materials", "ml-platform", "chip-eda", "teaching", "base", "ops")
SENTENCES = (
    "Base image, monthly patched.",
    "Built by CI. Do not modify.",
    "Contains MPI, compilers and monitoring agent.",
    "GPU driver preinstalled.",
    "Login node with Slurm client.",
    "应用测试镜像。",
    "包含编译器与 MPI 运行环境",
    "每月安全更新，请勿删除",
    "仅供内部测试使用 (internal only)",
    'Old <b>"golden"</b> image & toolchain',
    "",
    "",
    "",
)
# (weight, repository, tags)
REPOSITORIES = (
    (6, "busybox", ("latest", "1.36", "1.35-musl")),
    (8, "centos", ("7", "7.9.2009", "8", "latest")),
    (9, "ubuntu", ("18.04", "20.04", "22.04", "latest")),
    (4, "alpine", ("3.18", "3.19", "latest")),
    (6, "python", ("3.9-slim", "3.11", "3.12-bookworm")),
    (7, "nvcr.io/nvidia/pytorch", ("22.12-py3", "23.10-py3", "24.01-py3")),
    (4, "nvcr.io/nvidia/tensorflow", ("22.12-tf1-py3", "23.10-tf2-py3")),
    (5, "nvcr.io/hpc/gromacs", ("2021.3", "2022.3", "2023.2")),
    (3, "nvcr.io/hpc/lammps", ("patch_4May2022", "patch_15Jun2023")),
    (3, "nvcr.io/hpc/namd", ("2.13-singlenode", "3.0-beta5")),
    (5, "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx", ("latest", "1.24", "1.25.3")),
    (4, "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/openfoam", ("v2206", "v2306", "latest")),
    (3, "registry.cn-shanghai.aliyuncs.com/genomics/gatk", ("4.2.6.1", "4.4.0.0", "4.5.0.0")),
    (3, "registry.cn-shanghai.aliyuncs.com/genomics/bwa", ("0.7.17", "0.7.17-r1198")),
    (2, "hub-registry-vpc.cn-hangzhou.cr.aliyuncs.com/render/blender", ("3.6", "4.0", "nightly")),
    (2, "quay.io/biocontainers/samtools", ("1.17--h00cdaf9_0", "1.19--h50ea8bc_0")),
    (2, "quay.io/biocontainers/fastqc", ("0.11.9--0", "0.12.1--hdfd78af_0")),
    (2, "openmpi", ("3.1.6", "4.1.5")),
    (2, "wrf-cmaq", ("4.2", "4.4-dev")),
    (2, "jupyter/scipy-notebook", ("2023-10-31", "lab-4.0.7")),
    (1, "docker.io/library/redis", ("6.2", "7.2-alpine")),
    (1, "intel/oneapi-hpckit", ("2023.2.1-devel-ubuntu22.04", "latest")),
)
