"""What can be said about the stores without changing them: versions, durability, indexes."""

from domain.infra.account_documents import ACCOUNT_DOCUMENTS
from domain.infra.documents import DOCUMENTS
from domain.infra.mongo import Database
from domain.infra.redis import RedisClient


async def mongo_version(database: Database) -> str:
    return str((await database.client.admin.command("buildInfo"))["version"])


async def redis_version(client: RedisClient) -> str:
    """Valkey tells its own version beside that of the Redis it is compatible with."""
    server = await client.info("server")
    return f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"


async def keeps_append_only_file(client: RedisClient) -> bool:
    return bool((await client.info("persistence"))["aof_enabled"])


async def missing_indexes(database: Database) -> list[str]:
    """Names of the indexes that the models declare and the database does not have, as `collection.index`."""
    missing = []
    for document in (*DOCUMENTS, *ACCOUNT_DOCUMENTS):
        declared = document.Settings
        present = await database.get_collection(declared.name).index_information()
        wanted = (index.document["name"] for index in declared.indexes)
        missing += [f"{declared.name}.{name}" for name in wanted if name not in present]
    return missing
