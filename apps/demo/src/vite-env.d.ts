declare module '*.css'
declare module '*url' {
  /** Where the bundler serves the file from. */
  const url: string
  export default url
}
