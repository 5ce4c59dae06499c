import type { EndpointAnswer, identityEndpoints, User } from '@parley/contracts'
import type { z } from 'zod'
import type { Parley } from './parley.ts'
import { segment } from './rest.ts'

type Endpoints = typeof identityEndpoints
export type ProfileChange = z.input<Endpoints['updateUser']['body'] & {}>
export type DeviceState = EndpointAnswer<Endpoints['listDevices']>['items'][number]

/** Changes what everybody sees of the user; what is not named stays. */
export async function updateProfile(parley: Parley, change: ProfileChange): Promise<User> {
  const user = await parley.rest.call<User>('PATCH', pathOf(parley), { body: change })
  parley.users.handleChanged(user)
  return user
}

/** Where the user is signed in. */
export async function listDevices(parley: Parley): Promise<DeviceState[]> {
  const { items } = await parley.rest.call<EndpointAnswer<Endpoints['listDevices']>>(
    'GET',
    `${pathOf(parley)}/devices`,
  )
  return items
}

/** Signs a device of the user out: its connection ends, and it is pushed to no more. */
export async function removeDevice(parley: Parley, deviceId: string): Promise<void> {
  await parley.rest.call('DELETE', `${pathOf(parley)}/devices/${segment(deviceId)}`)
}

const pathOf = ({ userId }: Parley): string => `/v1/users/${segment(userId)}`
