import type {
  FriendPolicy,
  ProfileField,
  ProfileValue,
  ProfileVisibility,
  SocialProfile,
} from '@parley/client'
import { profilesOf, setOwnPicture, updateProfile } from '@parley/client'
import { useState } from 'react'
import { useParley } from '../../parley-context.ts'
import { useAreaWays } from '../areas/area-context.ts'
import { Field } from '../composer/forms.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { type ChosenPicture, PictureField } from '../parts/picture-field.tsx'
import { useErrorToast, useToast } from '../parts/toasts.tsx'
import { useWords } from '../parts/ui-context.tsx'
import { fieldName } from './field-name.ts'

const standardFields: Record<string, ProfileField> = {
  signature: { kind: 'text', maxLength: 500 },
  gender: { kind: 'choice', choices: ['female', 'male', 'other'] },
  birthday: { kind: 'date' },
  language: { kind: 'text', maxLength: 35 },
  region: { kind: 'text', maxLength: 128 },
}

const visibilities = ['all', 'friends', 'me'] as const
const policies = ['everyone', 'approval', 'nobody'] as const

/** The own profile: name, the fields of the project and who sees each, and who may become a friend. */
export function ProfileEditor(props: {
  profile: SocialProfile
  onSaved: () => Promise<void>
  onClose: () => void
}) {
  const { profile } = props
  const parley = useParley()
  const words = useWords()
  const toast = useToast()
  const onFailed = useErrorToast()
  const { profileFields } = useAreaWays()
  const fields = { ...standardFields, ...profileFields }
  const [name, setName] = useState(profile.name ?? '')
  const [picture, setPicture] = useState<ChosenPicture>({ address: profile.avatarUrl ?? '' })
  const [values, setValues] = useState(profile.fields)
  const [seen, setSeen] = useState<Record<string, ProfileVisibility>>(profile.visibility ?? {})
  const [policy, setPolicy] = useState<FriendPolicy | ''>(profile.friendPolicy ?? '')
  const [busy, setBusy] = useState(false)
  const save = async () => {
    // Name and picture first: friends hear of the profile, and then read all.
    const given = name.trim()
    const address = picture.address.trim()
    if (picture.file) await setOwnPicture(parley, picture.file)
    else if (address !== '' && address !== profile.avatarUrl)
      await updateProfile(parley, { avatarUrl: address })
    if (given !== '' && given !== profile.name) await updateProfile(parley, { name: given })
    const changed = Object.keys(fields).filter((field) => values[field] !== profile.fields[field])
    await profilesOf(parley.chat).update({
      fields: Object.fromEntries(changed.map((field) => [field, values[field] ?? null])),
      visibility: seen,
      friendPolicy: policy === '' ? null : policy,
    })
    toast(words.people.saved)
    await props.onSaved()
  }
  const put = (field: string, value: ProfileValue | undefined) =>
    setValues((known) => {
      const { [field]: _gone, ...rest } = known
      return value === undefined ? rest : { ...rest, [field]: value }
    })
  return (
    <FormDialog
      title={words.people.editProfile}
      submit={words.save}
      ready={!busy}
      onSubmit={() => {
        setBusy(true)
        save().then(props.onClose, (error) => {
          onFailed(error)
          setBusy(false)
        })
      }}
      onClose={props.onClose}
    >
      <Field label={words.people.name} value={name} maxLength={256} onChange={setName} />
      <PictureField value={picture} onChange={setPicture} />
      {Object.entries(fields).map(([field, rule]) => (
        <div key={field} className="parley-field-line">
          <ValueField
            label={fieldName(field, words)}
            rule={rule}
            value={values[field]}
            onChange={(value) => put(field, value)}
          />
          <select
            className="parley-who-sees"
            aria-label={words.people.whoSees(fieldName(field, words))}
            value={seen[field] ?? 'all'}
            onChange={(event) => {
              const chosen = visibilities.find((each) => each === event.target.value)
              if (chosen) setSeen((known) => ({ ...known, [field]: chosen }))
            }}
          >
            {visibilities.map((visibility) => (
              <option key={visibility} value={visibility}>
                {words.people.visibilities[visibility]}
              </option>
            ))}
          </select>
        </div>
      ))}
      <label className="parley-field">
        <span>{words.people.friendPolicy}</span>
        <select
          value={policy}
          onChange={(event) => setPolicy(policies.find((each) => each === event.target.value) ?? '')}
        >
          <option value="">{words.people.policyDefault}</option>
          {policies.map((each) => (
            <option key={each} value={each}>
              {words.people.friendPolicies[each]}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  )
}

function ValueField(props: {
  label: string
  rule: ProfileField
  value: ProfileValue | undefined
  onChange: (value: ProfileValue | undefined) => void
}) {
  const { label, rule, value, onChange } = props
  const words = useWords()
  const choices =
    rule.kind === 'choice'
      ? rule.choices.map((choice) => ({ value: choice, label: words.people.genders[choice] ?? choice }))
      : [
          { value: 'true', label: words.people.yes },
          { value: 'false', label: words.people.no },
        ]
  if (rule.kind === 'choice' || rule.kind === 'flag') {
    return (
      <label className="parley-field">
        <span>{label}</span>
        <select
          value={value === undefined ? '' : String(value)}
          onChange={({ target }) =>
            onChange(
              target.value === '' ? undefined : rule.kind === 'flag' ? target.value === 'true' : target.value,
            )
          }
        >
          <option value="">{words.people.notSaid}</option>
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      </label>
    )
  }
  return (
    <Field
      label={label}
      type={rule.kind === 'number' ? 'number' : rule.kind === 'date' ? 'date' : 'text'}
      value={value === undefined ? '' : String(value)}
      {...(rule.kind === 'text' && { maxLength: rule.maxLength })}
      onChange={(text) => onChange(text === '' ? undefined : rule.kind === 'number' ? Number(text) : text)}
    />
  )
}
