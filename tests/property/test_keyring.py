"""Whatever is destroyed, in whatever order: a key is there unless it or its tenant's is gone."""

from hypothesis import given
from hypothesis import strategies as st

from infra.encryption import WHOLE_TENANT, Erasure
from tests.support.keyrings import fixed_keyring
from tests.support.samples import NOON

TENANTS = st.sampled_from(["acme", "globex", "third"])
ENTITIES = st.sampled_from(["cat", "dog", "hook"])
SUBJECTS = st.tuples(TENANTS, ENTITIES)
DESTROYED = st.tuples(TENANTS, ENTITIES | st.just(WHOLE_TENANT))


@given(batches=st.lists(st.lists(DESTROYED, max_size=4), max_size=4), subject=SUBJECTS)
def test_a_subject_is_read_unless_its_key_or_its_tenants_was_destroyed(
    batches: list[list[tuple[str, str]]], subject: tuple[str, str]
) -> None:
    whole = fixed_keyring()
    sealed = whole.encrypt(subject, b"said", "title")
    assert sealed is not None
    less = whole
    for batch in batches:
        less = less.without(
            Erasure(tenant_id=tenant, entity_id=entity, erased_at=NOON) for tenant, entity in batch
        )
    destroyed = {each for batch in batches for each in batch}
    is_gone = bool(destroyed & {subject, (subject[0], WHOLE_TENANT)})
    assert less.is_erased(*subject) == is_gone
    assert less.decrypt(sealed, "title") == (None if is_gone else b"said")
    assert less.encrypt(subject, b"said", "title") == (None if is_gone else sealed)
    told = [(each.tenant_id, each.entity_id) for each in less.erasures]
    assert len(set(told)) == len(told)
    assert {tenant for tenant, entity in told if entity == WHOLE_TENANT} == {
        tenant for tenant, entity in destroyed if entity == WHOLE_TENANT
    }
