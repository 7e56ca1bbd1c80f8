"""Settings of a Faust app that every app of sharebus shares."""

import ssl
from typing import Any

import faust

from sharebus.infra.credentials import Credentials
from sharebus.infra.settings import Settings


def faust_settings(settings: Settings, credentials: Credentials) -> dict[str, Any]:
    """Keyword arguments for ``faust.App``: broker, credentials, and nothing served over HTTP."""
    brokers = settings.bootstrap_servers.split(",")
    return {
        "broker": [f"kafka://{broker.strip()}" for broker in brokers],
        "broker_credentials": _broker_credentials(settings, credentials),
        "autodiscover": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "datadir": str(settings.data_dir / "faust"),
    }


def _broker_credentials(settings: Settings, credentials: Credentials) -> Any:
    context = None
    if settings.security_protocol != "SASL_PLAINTEXT":
        context = ssl.create_default_context(cafile=settings.ssl_ca_file)
        if settings.ssl_certificate_file:
            context.load_cert_chain(settings.ssl_certificate_file, settings.ssl_key_file)
    if credentials.password is None:
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=credentials.username,
        password=credentials.password.get_secret_value(),
        mechanism=settings.sasl_mechanism,
        ssl_context=context,
    )
