#include "Clibvirt.h"

#include <stddef.h>

int clibvirt_register_domain_lifecycle(virConnectPtr connection, virConnectDomainEventCallback callback,
                                       void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}

int clibvirt_register_device_added(virConnectPtr connection, virConnectDomainEventDeviceAddedCallback callback,
                                   void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}

int clibvirt_register_device_removed(virConnectPtr connection, virConnectDomainEventDeviceRemovedCallback callback,
                                     void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}

int clibvirt_register_device_removal_failed(virConnectPtr connection,
                                            virConnectDomainEventDeviceRemovalFailedCallback callback,
                                            void *opaque, virFreeCallback release) {
  return virConnectDomainEventRegisterAny(connection, NULL, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
                                          VIR_DOMAIN_EVENT_CALLBACK(callback), opaque, release);
}

int clibvirt_register_network_lifecycle(virConnectPtr connection, virConnectNetworkEventLifecycleCallback callback,
                                        void *opaque, virFreeCallback release) {
  return virConnectNetworkEventRegisterAny(connection, NULL, VIR_NETWORK_EVENT_ID_LIFECYCLE,
                                           VIR_NETWORK_EVENT_CALLBACK(callback), opaque, release);
}
