"""What each route takes and answers, as the OpenAPI document tells it: one table a subject, in the contract's order."""

from api.api_key_operations import API_KEY_OPERATIONS
from api.audit_operations import AUDIT_OPERATIONS
from api.auth_operations import AUTH_OPERATIONS
from api.configuration_operations import CONFIGURATION_OPERATIONS
from api.health_operations import HEALTH_OPERATIONS
from api.image_operations import IMAGE_OPERATIONS
from api.job_control_operations import JOB_CONTROL_OPERATIONS
from api.job_operations import JOB_OPERATIONS
from api.metrics_operations import METRICS_OPERATIONS
from api.notification_operations import NOTIFICATION_OPERATIONS
from api.operation import Operations
from api.order_operations import ORDER_OPERATIONS
from api.paying_operations import PAYING_OPERATIONS
from api.payment_operations import PAYMENT_OPERATIONS
from api.product_operations import PRODUCT_OPERATIONS
from api.service_operations import SERVICE_OPERATIONS
from api.short_link_operations import SHORT_LINK_OPERATIONS
from api.user_operations import USER_OPERATIONS
from api.vendor_operations import VENDOR_OPERATIONS
from api.webhook_operations import WEBHOOK_OPERATIONS

OPERATIONS: Operations = {
    **JOB_OPERATIONS,
    **JOB_CONTROL_OPERATIONS,
    **WEBHOOK_OPERATIONS,
    **AUTH_OPERATIONS,
    **USER_OPERATIONS,
    **API_KEY_OPERATIONS,
    **AUDIT_OPERATIONS,
    **PRODUCT_OPERATIONS,
    **IMAGE_OPERATIONS,
    **ORDER_OPERATIONS,
    **PAYING_OPERATIONS,
    **PAYMENT_OPERATIONS,
    **NOTIFICATION_OPERATIONS,
    **SHORT_LINK_OPERATIONS,
    **CONFIGURATION_OPERATIONS,
    **SERVICE_OPERATIONS,
    **VENDOR_OPERATIONS,
    **METRICS_OPERATIONS,
    **HEALTH_OPERATIONS,
}
