"""The example answers of the five seed documents, verbatim: a comma that is wrong here is a cloud misunderstood."""

LIST_CUSTOM_IMAGES = """\
{
  "RequestId": "04F0F334-1335-436C-A1D7-6C044FE73368",
  "Images": {
    "ImageInfo": [
      {
        "Status": "Available",
        "PostInstallScript": "example.sh",
        "Description": "ExampleDescription",
        "Size": 40,
        "ImageOwnerAlias": "self",
        "ImageName": "CHESS5V5.0.27",
        "SkuCode": "ECS",
        "PricingCycle": "Month",
        "ImageId": "m-bp181x855551ww5yq****",
        "ProductCode": "cmjj028279",
        "Uid": "127****",
        "BaseOsTag": {
          "Platform": "CentOS",
          "OsTag": "CentOS_7.2_64",
          "Version": "7.2",
          "Architecture": "i386"
        },
        "OsTag": {
          "Platform": "CentOS",
          "OsTag": "CentOS_7.2_64",
          "Version": "7.2",
          "Architecture": "x86_64",
          "BaseOsTag": "CentOS_7.2_64"
        }
      }
    ]
  }
}
"""

LIST_CONTAINER_IMAGES = """\
{
  "PageSize": 1,
  "PageNumber": 1,
  "RequestId": "04F0F334-1335-436C-A1D7-6C044FE7****",
  "TotalCount": 1,
  "DBInfo": "mongodb://localhost/",
  "Images": {
    "Images": [
      {
        "Type": "docker",
        "Status": "READY",
        "UpdateDateTime": "2018-08-02T20:11:36",
        "Repository": "busybox",
        "Tag": "latest",
        "System": "mycluster",
        "ImageId": "centos_7_06_64_20G_alibase_2019071****"
      }
    ]
  }
}
"""

DESCRIBE_IMAGE_INFOS = """\
{
  "Code": 0,
  "Images": {
    "Image": [
      {
        "Description": "centos_6_08_64_20G_alibase_2017****",
        "ImageId": "centos_6_08_64_20G_alibase_2017****",
        "ImageSize": "20",
        "ImageVersion": "6.8",
        "OSName": "centos",
        "OSType": "linux",
        "ComputeType": "ens_vm"
      }
    ]
  },
  "RequestId": "5568A08C-10A9-47F3-902F-647298B463FB"
}
"""

ADD_IMAGE = """\
{
"RequestId": "04F0F334-1335-436C-A1D7-6C044FE73368\\n",
"Success": true,
"ImageId": "m-bp1akkkr1rkxtb******\\n"
}
"""

# One line in the document, too.
HUAWEI_IMAGES = (
    '{ "total_count" : 1, "images" : [ { "id" : "d6b368bc-a24d-4fb5-a8fb-727356a53f33", "image_type" : "gold", '
    '"os_type" : "Linux", "os_version" : "EulerOS 2.2 64bit", "disk_format" : "qcow2", '
    '"name" : "Euler_Online_Tenant_vAG", "min_ram" : 0, "min_disk" : 50 }, '
    '{ "id" : "bef99a44-2b6a-4ef9-b1a2-204a4910e374", "image_type" : "gold", '
    '"os_type" : "Linux", "os_version" : "EulerOS 2.5 64bit", "disk_format" : "qcow2", '
    '"name" : "FA-LZ-x86vAG-801temp", "min_ram" : 0, "min_disk" : 60 } ] }'
)
