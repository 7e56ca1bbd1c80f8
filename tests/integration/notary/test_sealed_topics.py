"""The broker lets no app delete from the audit or change how it is kept, and agencies only read."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from sharebus.infra.librdkafka_log import librdkafka_log
from sharebus.schemas.topic import SEALED

from ..app_process import DEADLINE_SECONDS
from ..world import refused_by_broker
from .archive import Archive

pytestmark = pytest.mark.integration
REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("principal", ["enforcer", "notary"])
def test_no_app_deletes_or_alters_what_is_sealed(archive: Archive, principal: str) -> None:
    admin = AdminClient(archive.broker.client_config(principal), logger=librdkafka_log)
    for topic in SEALED:
        shorter = ConfigResource(
            ResourceType.TOPIC,
            topic,
            incremental_configs=[
                ConfigEntry("retention.ms", "1", incremental_operation=AlterConfigOpType.SET)
            ],
        )
        asked = [
            *admin.incremental_alter_configs([shorter]).values(),
            *admin.delete_records([TopicPartition(topic, 0, 1)]).values(),
            *admin.create_partitions([NewPartitions(topic, 2)]).values(),
            *admin.delete_topics([topic]).values(),
        ]
        for future in asked:
            with pytest.raises(KafkaException) as refused:
                future.result(DEADLINE_SECONDS)
            assert refused.value.args[0].code() == REFUSED
    archive.notary.start()
    archive.wait_until_signed()
    archive.notary.stop()
    archive.check()


def test_the_notary_writes_checkpoints_and_no_audit(archive: Archive) -> None:
    config = archive.broker.client_config("notary")
    audit, checkpoints = SEALED
    refusal = refused_by_broker(config, audit)
    assert refusal is not None
    assert refusal.code() == REFUSED
    assert refused_by_broker(config, checkpoints) is None
