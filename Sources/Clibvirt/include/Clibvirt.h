#pragma once
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

// libvirt registers every kind of callback as one generic function pointer, cast by a macro that Swift doesn't import.
// Each function returns a callback id, or -1; on -1 `release` is not called.

int clibvirt_register_domain_lifecycle(virConnectPtr connection, virConnectDomainEventCallback callback,
                                       void *opaque, virFreeCallback release);
int clibvirt_register_device_added(virConnectPtr connection, virConnectDomainEventDeviceAddedCallback callback,
                                   void *opaque, virFreeCallback release);
int clibvirt_register_device_removed(virConnectPtr connection, virConnectDomainEventDeviceRemovedCallback callback,
                                     void *opaque, virFreeCallback release);
int clibvirt_register_device_removal_failed(virConnectPtr connection,
                                            virConnectDomainEventDeviceRemovalFailedCallback callback,
                                            void *opaque, virFreeCallback release);
int clibvirt_register_network_lifecycle(virConnectPtr connection, virConnectNetworkEventLifecycleCallback callback,
                                        void *opaque, virFreeCallback release);
