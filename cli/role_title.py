"""How roles are called on the screen: by the law's words, or as an installation calls them."""

from typing import Final

from sharebus.governance.role import Role
from sharebus.infra.settings import load_settings

TITLES: Final = {
    Role.COORDINATOR: "coordinator (信息化行政主管部门)",
    Role.SUPERVISOR: "supervisor (监察部门)",
    Role.SECRECY: "secrecy (保密部门)",
    Role.ARCHIVES: "archives (档案部门)",
    Role.GOVERNMENT: "government (本级政府)",
    Role.PROVIDER: "provider (提供部门)",
    Role.SUBSCRIBER: "subscriber (使用部门)",
}
"""The words of Order 171; today a coordinator is called 数据局 in most places."""


def role_title(role: Role) -> str:
    """The title of a role; ``role_titles`` of the settings goes before ``TITLES``."""
    return load_settings().role_titles.get(role, TITLES[role])
