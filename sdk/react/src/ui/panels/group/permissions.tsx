import type { PermittedRoles } from '@parley/client'
import type { GroupModel } from '../../../chat/use-group.ts'
import { Check } from '../../composer/forms.tsx'
import { useErrorToast } from '../../parts/toasts.tsx'
import { useWords } from '../../parts/ui-context.tsx'

const roles: readonly PermittedRoles[] = ['all', 'admins', 'owner']
const rights = ['invite', 'editProfile', 'send', 'editAttributes', 'announce'] as const

/** Who in the group may do what; for its owner. */
export function Permissions({ model: { group, view } }: { model: GroupModel }) {
  const words = useWords()
  const onFailed = useErrorToast()
  const settings = view?.settings
  if (!settings) return null
  return (
    <>
      <Check
        label={words.invitationConsent}
        checked={settings.invitationConsent}
        onChange={(invitationConsent) => void group.updateSettings({ invitationConsent }).catch(onFailed)}
      />
      {rights.map((right) => (
        <label key={right} className="parley-field">
          <span>{words.whoMay[right]}</span>
          <select
            value={settings.whoMay[right]}
            onChange={(event) => {
              const whoMay = { [right]: event.target.value as PermittedRoles }
              group.updateSettings({ whoMay }).catch(onFailed)
            }}
          >
            {roles.map((role) => (
              <option key={role} value={role}>
                {words.permitted[role]}
              </option>
            ))}
          </select>
        </label>
      ))}
    </>
  )
}
